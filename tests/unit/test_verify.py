"""Verification: each mode keeps what it says, and every other path has a reason."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.grading.verify import verify_paths
from mdexp.records import Path, Problem, ProgramResult
from mdexp.thoughts.single_write import Reading
from tests.read_texts import OneText

MODES = ("gold", "runs", "agree", "none")


class Prose(OneText):
    def read(self, text, expected):
        return Reading(text=f"about {text}", answer=text if text.isdigit() else None)


class Bare(OneText):
    def read(self, text, expected):
        return Reading(text="", answer=text if text.isdigit() else None)


class Code(OneText):
    def read(self, text, expected):
        return Reading(text=text, program=text)


class Literals:
    """An executor of programs that are a number, or fail."""

    def run(self, programs):
        return [
            ProgramResult(status="ok", answer=int(program))
            if program.isdigit()
            else ProgramResult(status="runtime_error", error="ZeroDivisionError (line 1)")
            for program in programs
        ]


THOUGHTS = {"cot": Prose(), "label": Bare(), "pot": Code()}
PROBLEMS = {
    id: Problem(id=id, dataset="toy", split="train", question="?", answer=18, leaked=id == "leaked")
    for id in ("p", "q", "leaked")
}


def path(thought="cot", text="18", sample=0, problem="p", finish_reason="stop"):
    return Path(
        problem_id=problem,
        thought=thought,
        sample=sample,
        text=text,
        model="teacher",
        finish_reason=finish_reason,
    )


def verify(mode, *paths):
    return verify_paths(paths, PROBLEMS, THOUGHTS, Literals(), mode)


def fault(mode, *paths):
    """Reason and detail of the last path; None where it is kept."""
    kept, rejected = verify(mode, *paths)
    assert len(kept) + len(rejected) == len(paths)
    last = [one for one in rejected if one.sample == paths[-1].sample]
    return (last[0].reason, last[0].detail) if last else None


def test_a_kept_path_is_cleaned_and_says_where_it_came_from():
    [kept], [] = verify("gold", path("pot", "18", sample=3))
    assert (kept.problem_id, kept.thought, kept.sample, kept.model) == ("p", "pot", 3, "teacher")
    [kept], [] = verify("gold", path("cot", "18"))
    assert kept.text == "about 18"


def test_a_path_holds_the_result_of_its_program_where_a_lesson_shows_it():
    paths = [path("pot", "18"), path("cot", "18")]
    kept, [] = verify_paths(
        paths, PROBLEMS, THOUGHTS, Literals(), "gold", results_of=["pot", "cot"]
    )
    assert [[s.author for s in one.segments] for one in kept] == [["writer", "executor"], []]
    assert kept[0].segments[1].result == ProgramResult(status="ok", answer=18)
    assert all(one.segments == () for one in verify("gold", *paths)[0])


def test_gold_keeps_what_meets_gold_and_writes_gold():
    assert verify("gold", path("cot", "18"))[0][0].answer == 18
    assert fault("gold", path("cot", "7")) == ("wrong_answer", "'7' is not 18")
    assert fault("gold", path("pot", "7")) == ("wrong_answer", "7 is not 18")


def test_runs_keeps_any_answer_and_writes_it():
    [kept], [] = verify("runs", path("pot", "7"))
    assert kept.answer == 7


def test_agree_keeps_what_two_thoughts_answer_alike_though_gold_says_otherwise():
    kept, rejected = verify("agree", path("cot", "7"), path("pot", "7"), path("cot", "18", 1))
    assert [(one.thought, one.answer) for one in kept] == [("cot", "7"), ("pot", 7)]
    assert [one.detail for one in rejected] == ["no other thought answers '18'"]


def test_a_thought_does_not_agree_with_itself_nor_with_another_problem():
    assert fault("agree", path(sample=0), path(sample=1))[0] == "no_agreement"
    assert fault("agree", path("pot", problem="q"), path("cot", sample=1))[0] == "no_agreement"


def test_none_does_not_ask_whether_an_answer_is_right():
    assert fault("none", path("cot", "7")) is None


@pytest.mark.parametrize("mode", MODES)
def test_what_has_no_answer_is_kept_by_no_mode(mode):
    assert fault(mode, path("cot", "unknown")) == ("no_answer", "")
    assert fault(mode, path("pot", "1/0")) == ("runtime_error", "ZeroDivisionError (line 1)")


@pytest.mark.parametrize("mode", MODES)
def test_leaked_problems_and_truncated_texts_are_kept_by_no_mode(mode):
    paths = [path("cot", problem="leaked"), path("pot", problem="leaked", sample=1)]
    assert fault(mode, *paths) == ("leaked", "the problem equals a test problem")
    paths = [path("pot"), path("cot", sample=1, finish_reason="length")]
    assert fault(mode, *paths)[0] == "truncated"


def test_the_second_of_two_equal_paths_is_a_duplicate():
    assert fault("gold", path(), path(sample=1))[0] == "duplicate"
    # Labels have no text; their answers are compared, however they are written.
    assert fault("gold", path("label", "18"), path("label", "018", sample=1))[0] == "duplicate"
    assert fault("runs", path("label", "18"), path("label", "7", sample=1)) is None


@pytest.mark.parametrize("other", [path("pot"), path(problem="q")], ids=["thought", "problem"])
def test_paths_of_another_thought_or_problem_are_no_duplicates(other):
    kept, rejected = verify("gold", path(), other)
    assert (len(kept), rejected) == (2, [])


def test_a_rejected_path_makes_no_later_one_a_duplicate():
    assert fault("gold", path(finish_reason="length"), path(sample=1)) is None


paths_of_a_teacher = st.lists(
    st.builds(
        path,
        thought=st.sampled_from(list(THOUGHTS)),
        text=st.sampled_from(["18", "7", "unknown"]),
        problem=st.sampled_from(list(PROBLEMS)),
        finish_reason=st.sampled_from(["stop", "length"]),
    ),
    max_size=12,
)


@given(st.sampled_from(MODES), paths_of_a_teacher)
def test_every_path_is_kept_or_rejected_once(mode, paths):
    kept, rejected = verify(mode, *paths)
    ids = Counter((one.problem_id, one.thought) for one in [*kept, *rejected])
    assert ids == Counter((one.problem_id, one.thought) for one in paths)
    assert all(one.reason for one in rejected)
    assert len({(one.problem_id, one.thought, str(one.answer)) for one in kept}) == len(kept) or (
        mode == "gold"
    )


@given(paths_of_a_teacher)
def test_a_stricter_mode_keeps_no_path_that_a_laxer_one_drops(paths):
    sizes = {mode: len(verify(mode, *paths)[0]) for mode in MODES}
    assert max(sizes["gold"], sizes["agree"]) <= sizes["runs"] <= sizes["none"]
