"""Scoring: outputs are read, graded and counted; what is cut short is never scored as whole."""

from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mdexp.answers import canonical
from mdexp.grading.score import grade, metrics, votes
from mdexp.grading.vote_rules.accuracy import Accuracy
from mdexp.grading.vote_rules.cascade import Cascade
from mdexp.grading.vote_rules.majority import Majority
from mdexp.records import Generation, Output, Problem, ProgramResult, Vote
from mdexp.stages.score import score
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.thoughts.single_write import Reading
from tests.contract.conftest import plugin
from tests.parts import GRADERS, RULES
from tests.read_texts import OneText

ORDER = ["cot", "pot"]


class Prose(OneText):
    def read(self, text, expected):
        return Reading(text=text, answer=text.removesuffix("\n") or None)


class Code(Prose):
    def read(self, text, expected):
        return Reading(text=text, program=text)


class Echo:
    """Runs a program by reading it as a number."""

    def run(self, programs):
        return [ProgramResult(status="ok", answer=int(p), stdout=p) for p in programs]


def problem(id="p1", answer=18):
    return Problem(id=id, dataset="toy", split="test", question="?", answer=answer)


def output(thought="cot", text="18", finished=True, **fields):
    defaults = {"problem_id": "p1", "dataset": "toy", "split": "test", "phase": "after"}
    defaults |= {"sample": 0, "num_shots": 0, "num_tokens": 3}
    return Output(thought=thought, text=text, finished=finished, **(defaults | fields))


class Counted(Prose):
    """It notes each text that it reads."""

    seen: ClassVar[list[str]] = []

    def read(self, text, expected):
        self.seen.append(text)
        return super().read(text, expected)


def test_a_text_that_was_read_to_choose_is_not_read_again_to_score():
    thoughts, readings = {"cot": Counted()}, {}
    known = {id: problem(id) for id in ("p1", "p2")}
    first = [output(), output(text="7", sample=1)]
    more = [*first, output(problem_id="p2"), output(text="1", finished=False, sample=2)]
    Counted.seen.clear()
    graded = grade(first, known, thoughts, Echo(), readings=readings)
    assert Counted.seen == ["18", "7"]
    Counted.seen.clear()
    again = grade(more, known, thoughts, Echo(), readings=readings)
    assert Counted.seen == ["18"], "of the other problem; what is cut short is not read"
    assert again[:2] == graded
    assert again == grade(more, known, thoughts, Echo())


def generation(thought, correct, *, id="p1", answer=None, **fields):
    defaults = {"dataset": "toy", "split": "test", "phase": "after", "sample": 0, "num_shots": 0}
    answer = answer if answer is not None else (18 if correct else 7)
    return Generation(
        problem_id=id,
        thought=thought,
        text="",
        answer=answer,
        read=answer,
        status="ok",
        correct=correct,
        **(defaults | fields),
    )


def graded(*outputs):
    return grade(outputs, {"p1": problem()}, {"cot": Prose(), "pot": Code()}, Echo())


def test_each_thought_is_read_in_its_own_way():
    cot, pot = graded(output("cot", "$18.00"), output("pot", "17"))
    assert (cot.answer, cot.correct, cot.status) == ("$18.00", True, "ok")
    assert (pot.answer, pot.correct, pot.stdout) == (17, False, "17")


def test_an_output_cut_short_is_truncated_even_if_it_reads_as_the_right_answer():
    (cut,) = graded(output(text="18", finished=False))
    assert (cut.status, cut.answer, cut.correct) == ("truncated", None, False)


def test_truncated_outputs_do_not_shift_the_others():
    results = graded(output(text="1"), output(finished=False), output("pot", "18"))
    assert [g.answer for g in results] == ["1", None, 18]


def test_an_output_without_its_problem_is_an_error():
    with pytest.raises(KeyError, match="p2"):
        graded(output(problem_id="p2"))


def test_the_raw_text_is_kept():
    assert graded(output(text="18\n"))[0].text == "18\n"


def test_ties_go_to_the_thought_that_was_better_on_validation():
    valid = {"id": "v1", "split": "validation"}
    tied = [generation("cot", False), generation("pot", True)]
    better_pot = [generation("cot", False, **valid), generation("pot", True, **valid)]
    better_cot = [generation("cot", True, **valid), generation("pot", False, **valid)]
    assert votes([*tied, *better_pot], ORDER)[0].correct
    assert not votes([*tied, *better_cot], ORDER)[0].correct
    assert not votes(tied, ORDER)[0].correct, "without validation the order of thoughts decides"


def test_an_order_that_is_given_settles_ties_whatever_validation_says():
    better_cot = [
        generation(thought, thought == "cot", id="v1", split="validation") for thought in ORDER
    ]
    tied = [generation("cot", False), generation("pot", True), *better_cot]
    assert votes(tied, ORDER, Majority(order=["pot", "cot"]))[0].correct
    assert not votes(tied, ORDER, Majority(order=["cot", "pot"]))[0].correct


def test_a_cascade_takes_the_thought_that_was_best_on_validation_or_the_order_given():
    paths = [generation("cot", True), generation("pot", False), generation("eot", False)]
    paths += [generation(t, t == "cot", id="v", split="validation") for t in (*ORDER, "eot")]
    three = ["eot", "pot", "cot"]
    by_validation = votes(paths, three, Cascade())
    assert by_validation[0].order == ["cot", "eot", "pot"] and by_validation[0].correct
    rule = Cascade(order=["pot", "cot"])
    by_order = votes(paths, three, rule)
    assert by_order[0].order == ["pot", "cot"] and not by_order[0].correct
    row = metrics(paths, by_order, three, rule=rule)["toy"]["after"]["vote"]
    assert row["rule"] == "cascade pot, cot"


def test_validation_of_the_other_phase_settles_no_tie():
    before = {"id": "v1", "split": "validation", "phase": "before"}
    other = [generation("cot", False, **before), generation("pot", True, **before)]
    elected = votes([generation("cot", False), generation("pot", True), *other], ORDER)
    assert next(v for v in elected if v.phase == "after").answer == 7


def test_metrics_have_the_promised_shape():
    paths = [
        generation("cot", True),
        generation("pot", False),
        generation("cot", True, id="p2"),
        generation("pot", True, id="p2"),
        generation("cot", True, id="v", split="validation"),
        generation("pot", True, id="v", split="validation"),
        generation("cot", False, id="q", dataset="other"),
        generation("pot", False, id="q", dataset="other"),
    ]
    table = metrics(paths, votes(paths, ORDER), ORDER)
    assert list(table) == ["toy", "other", "toy/validation"]
    assert list(table["toy"]) == ["after"], "a phase that was not generated has no rows"
    assert list(table["toy"]["after"]) == ["cot", "pot", "vote"]
    row = table["toy"]["after"]["pot"]
    assert row.pop("ci95") == pytest.approx([0.0945, 0.9055], abs=1e-4)
    promised = {"n": 2, "correct": 1, "accuracy": 0.5, "ties": 0, "num_paths": 1}
    assert row == promised | {"rule": "greedy", "grader": "strict 2"}
    vote = table["toy"]["after"]["vote"]
    assert (vote["correct"], vote["ties"], vote["num_paths"]) == (2, 1, 2)
    assert vote["rule"] == "majority, ties to cot, pot"


def test_greedy_paths_give_the_rows_of_thoughts_and_sampled_ones_the_vote():
    paths = [generation("cot", False), generation("pot", False)]
    paths += [replace(generation("cot", True), sample=k) for k in (1, 2, 3)]
    table = metrics(paths, votes(paths, ORDER), ORDER)["toy"]["after"]
    assert table["cot"]["correct"] == 0
    assert (table["vote"]["correct"], table["vote"]["num_paths"]) == (1, 3)


def test_a_thought_holds_its_vote_for_problems_with_fewer_paths_too():
    """As decoding=stopping leaves them, and a search whose budget some prompts nearly fill."""
    many = [generation("cot", k < 3, sample=k) for k in range(4)]
    one = [generation("cot", True, id="p2"), generation("cot", True, id="p2", sample=1)]
    none = [generation("cot", False, id="p3")]
    beside = [generation("pot", True, id=id, sample=k) for id in ("p1", "p2", "p3") for k in (0, 1)]
    paths = [*many, *one, *none, *beside]
    table = metrics(paths, votes(paths, ORDER), ORDER)["toy"]["after"]
    assert {row: (cell["n"], cell["correct"]) for row, cell in table.items()} == {
        "cot": (3, 2),
        "pot": (3, 3),
        "cot vote": (3, 2),
        "vote": (3, 3),
    }
    validation = [replace(path, problem_id="v", split="validation") for path in one]
    own = {v.split for v in votes([*paths, *validation], ORDER) if v.row == "cot vote"}
    assert own == {"test"}, "one path of a validation problem is no vote"


def test_a_failure_counts_as_wrong():
    failed = replace(generation("cot", False), status="truncated", answer=None)
    table = metrics([failed], votes([failed], ORDER), ORDER)["toy"]["after"]
    assert (table["cot"]["n"], table["cot"]["accuracy"], table["vote"]["accuracy"]) == (1, 0, 0)


def test_a_path_that_is_there_twice_is_refused():
    with pytest.raises(AssertionError, match="p1: a path of a phase is there twice"):
        votes([generation("cot", True), generation("cot", True)], ORDER)


def test_each_thought_with_several_samples_has_its_own_vote_before_the_mix():
    paths = [generation("cot", False), generation("pot", False)]
    paths += [replace(generation("cot", True), sample=k) for k in (1, 2)]
    paths += [replace(generation("pot", False), sample=k) for k in (1, 2)]
    table = metrics(paths, votes(paths, ORDER, Majority(order=["pot", "cot"])), ORDER)["toy"][
        "after"
    ]
    assert list(table) == ["cot", "pot", "cot vote", "pot vote", "vote"]
    assert [table[row]["correct"] for row in table] == [0, 0, 1, 0, 0]
    assert [table[row]["num_paths"] for row in table] == [1, 1, 2, 2, 4]
    assert (table["vote"]["ties"], table["cot vote"]["ties"]) == (1, 0)


def test_log_probabilities_reach_the_generations():
    assert graded(output(logprob=-0.25))[0].logprob == -0.25


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("likelihood", "majority by likelihood, ties to cot, pot"),
        ("accuracy", "majority by accuracy, ties to cot, pot"),
        ("agreement", "agreement, else cascade cot, pot"),
    ],
)
def test_the_rule_is_told_in_words(rule, words):
    paths = [replace(generation(t, True), logprob=-1.0) for t in ORDER]
    paths += [generation(t, True, id="v", split="validation", logprob=-1.0) for t in ORDER]
    elected = votes(paths, ORDER, RULES[rule]())
    assert (
        metrics(paths, elected, ORDER, rule=RULES[rule]())["toy"]["after"]["vote"]["rule"] == words
    )


def test_an_accuracy_vote_weighs_by_the_validation_of_its_phase():
    paths = [generation("cot", True, sample=1), generation("pot", False, sample=1)]
    marks = {"cot": (True, True, True), "pot": (True, False, False)}
    for thought, right in marks.items():
        paths += [
            generation(thought, mark, id=f"v{k}", split="validation")
            for k, mark in enumerate(right)
        ]
    vote = next(v for v in votes(paths, ORDER, Accuracy()) if v.split == "test")
    assert (vote.correct, vote.votes) == (True, {"18": 0.8, "7": 0.4})


def test_a_thought_that_was_never_right_on_validation_still_has_a_say():
    paths = [generation("cot", False, sample=1)]
    paths += [generation("pot", True, sample=k) for k in (1, 2, 3)]
    paths += [generation("cot", k == 0, id=f"v{k}", split="validation") for k in range(2)]
    paths += [generation("pot", False, id=f"v{k}", split="validation") for k in range(2)]
    vote = next(v for v in votes(paths, ORDER, Accuracy()) if v.split == "test")
    assert (vote.correct, vote.votes) == (True, {"18": 0.75, "7": 0.5}), "3 x 1/4 against 2/4"


def test_the_grader_is_named_in_every_row_and_judges():
    loose = output("cot", "18.4")
    graded_by = {
        name: grade([loose], {"p1": problem()}, {"cot": Prose()}, Echo(), GRADERS[name])[0].correct
        for name in ("strict", "pad")
    }
    assert graded_by == {"strict": False, "pad": True}
    paths = [generation("cot", True)]
    table = metrics(paths, votes(paths, ORDER), ORDER, GRADERS["pad"])["toy"]["after"]
    assert {row["grader"] for row in table.values()} == {"pad 2"}


class LastWord(Prose):
    def read(self, text, expected):
        return Reading(text=text, answer=text.split()[-1] if text.endswith("!") else None)


def test_a_thought_that_does_not_vote_has_rows_of_its_own_alone():
    paths = [generation("cot", False), *(generation("pot", True, sample=n) for n in (1, 2))]
    paths = [*(replace(paths[0], sample=n) for n in (1, 2)), *paths[1:], generation("pot", True)]
    elected = votes(paths, ORDER, voting=["cot"])
    assert {v.row: (v.correct, v.order) for v in elected} == {
        "vote": (False, ["cot"]),
        "cot vote": (False, ["cot"]),
        "pot vote": (True, ["pot"]),
    }
    table = metrics(paths, elected, ORDER)["toy"]["after"]
    assert (table["vote"]["num_paths"], table["pot"]["correct"]) == (2, 1)


def test_the_stage_hears_only_thoughts_that_vote(tmp_path):
    outputs = [output(text="The answer is 7."), output("label", "The answer is 18.")]
    write_jsonl(tmp_path / "problems.jsonl", [problem()])
    write_jsonl(tmp_path / "outputs_after.jsonl", outputs)
    reads = {name: tmp_path / name for name in ("problems.jsonl", "outputs_after.jsonl")}

    def decided(thoughts):
        tools = {"vote": Majority(order=[]), "grader": GRADERS["strict"], "executor": Echo()}
        score(tmp_path, reads, thoughts=thoughts, **tools)
        [vote] = read_jsonl(tmp_path / "votes.jsonl", Vote)
        return vote.order, vote.correct

    cot, label = plugin("thought", "cot"), plugin("thought", "label")
    silent = type("Silent", (type(cot),), {"votes": False})(**cot.model_dump())
    assert decided({"cot": cot, "label": label}) == (["cot", "label"], False)
    assert decided({"cot": silent, "label": label}) == (["label"], True)


def test_lenient_is_a_reading_so_that_its_votes_go_by_the_last_number_too():
    texts = ["7 18", "18 after 7", "so 18", "7!"]
    outputs = [output(text=text, sample=k) for k, text in enumerate(texts, start=1)]
    paths = grade(outputs, {"p1": problem()}, {"cot": LastWord()}, Echo(), GRADERS["lenient"])
    assert [(g.answer, g.status, g.correct) for g in paths] == [
        ("18", "ok", True),
        ("7", "ok", False),
        ("18", "ok", True),
        ("7", "ok", False),
    ]
    assert [g.read for g in paths] == [None, None, None, "7!"], "what the thought read is kept"
    (vote,) = (v for v in votes(paths[:3], ["cot"]) if v.row == "vote")
    assert (vote.correct, vote.votes) == (True, {"18": 2, "7": 1}), "none of them abstains"


# Near 18, and where one tolerance or another ends: equal for a vote, judged apart by a grader.
PARTED = {
    "strict": ["18.000001", "18.0000014"],
    "lenient": ["1 18.000001", "2 18.0000014"],
    "pad": ["18.4999999", "18.5000001"],
    "xot": ["18.0009999", "18.001"],
    "dss": ["18", "18.0000001"],
}
NEAR = [*(text for pair in PARTED.values() for text in pair), "7", "no idea"]


@given(
    st.lists(st.sampled_from(NEAR), min_size=2, max_size=7),
    st.sampled_from(list(PARTED)),
    st.permutations(range(7)),
)
@example(PARTED["strict"], "strict", [1, 0])
@example(PARTED["lenient"], "lenient", [1, 0])
@example(PARTED["pad"], "pad", [1, 0])
@example(PARTED["xot"], "xot", [1, 0])
@example(PARTED["dss"], "dss", [1, 0])
def test_no_other_order_of_the_samples_changes_a_vote(texts, grader, places):
    def voted(texts):
        outputs = [output(text=text, sample=k) for k, text in enumerate(texts, start=1)]
        paths = grade(outputs, {"p1": problem()}, {"cot": Prose()}, Echo(), GRADERS[grader])
        return next(v for v in votes(paths, ["cot"]) if v.row == "vote")

    once, other = voted(texts), voted([texts[k] for k in places if k < len(texts)])
    assert (once.votes, once.tie) == (other.votes, other.tie)
    if not once.tie:  # a tie goes to the earliest sample
        assert canonical(once.answer) == canonical(other.answer)
        assert once.correct is other.correct


def test_what_is_cut_short_is_wrong_under_every_grader():
    cut = output("cot", "so it is 18", finished=False)
    for name in ("strict", "lenient", "pad", "xot", "dss"):
        assert not grade([cut], {"p1": problem()}, {"cot": Prose()}, Echo(), GRADERS[name])[
            0
        ].correct
