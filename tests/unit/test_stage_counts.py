"""What stages kept and dropped, as sentences."""

from collections import Counter
from typing import Any

import pytest

from mdexp.report.stage_counts import (
    longer_than_answers,
    mostly_dropped,
    nothing_left,
    problem_counts,
    stage_line,
    still_missing,
)
from mdexp.stages.examples import long_ones
from mdexp.sweeps.jobs import JobResult, State, exit_code


@pytest.mark.parametrize(
    ("stage", "counts", "key"),
    [
        ("prepare", {"train": 9, "leaked": 9}, "dataset.overlap"),
        (
            "prepare",
            {"train": 9, "leaked": 9, "leaked/near_duplicates": 5},
            "dataset.near_duplicates",
        ),
        ("prepare", {"test": 5}, "dataset"),
        ("extract", {"asked": 9, "paths": 0, "missing": 9}, "teacher"),
        ("verify", {"paths": 9, "verified": 0, "dropped": {"truncated": 9}}, "teacher.max_tokens"),
        ("verify", {"paths": 9, "verified": 0, "dropped": {"no_answer": 9}}, "teacher"),
        (
            "examples",
            {"verified": 3, "examples": 0, "dropped": {"lossy": 1, "too_long": 2}},
            "trainer.max_tokens",
        ),
    ],
)
def test_where_nothing_is_left_the_key_to_turn_is_named(
    stage: str, counts: dict[str, Any], key: str
) -> None:
    assert list(nothing_left(stage, counts)) == [key]


@pytest.mark.parametrize(
    ("stage", "counts"),
    [
        ("prepare", {"train": 9, "leaked": 8, "validation": 3}),
        ("extract", {"asked": 9, "paths": 1, "missing": 8}),
        ("verify", {"paths": 9, "verified": 1, "dropped": {"wrong_answer": 8}}),
        ("train", {}),
    ],
)
def test_one_that_is_left_is_enough(stage: str, counts: dict[str, Any]) -> None:
    assert nothing_left(stage, counts) == {}


def test_targets_that_are_longer_than_answers_are_named() -> None:
    lengths = {"cot": long_ones(Counter({100: 94, 130: 5, 300: 1})), "pot": {"95 %": 50, "all": 60}}
    assert lengths["cot"] == {"95 %": 130, "all": 300}
    [sentence] = longer_than_answers({"target lengths": lengths}, 129)
    assert "targets of cot" in sentence and "the longest has 300" in sentence
    assert "decoding.max_new_tokens=129" in sentence
    assert longer_than_answers({"target lengths": lengths}, 130) == []
    assert longer_than_answers({}, 1) == []


LINES = {
    "extract: kept 8 of 9 paths that were asked for; missing 1": (
        "extract",
        {"asked": 9, "paths": 8, "missing": 1},
    ),
    "verify: kept 128 of 160 paths; no_answer 20, wrong_answer 12": (
        "verify",
        {"paths": 160, "verified": 128, "dropped": {"wrong_answer": 12, "no_answer": 20}},
    ),
    "examples: kept 3 of 3 lessons": (
        "examples",
        {"verified": 3, "examples": 3, "dropped": {}},
    ),
    "before: 9 answers of 200 tokens; 2 cut short by decoding.max_new_tokens": (
        "before",
        {"outputs": 9, "tokens": 200, "truncated": 2},
    ),
    "after: 9 answers of 200 tokens": ("after", {"outputs": 9, "tokens": 200, "truncated": 0}),
    "score: 9 answers graded, 4 votes": ("score", {"generations": 9, "votes": 4}),
    "": ("train", {}),
}


@pytest.mark.parametrize("line", LINES)
def test_a_stage_says_in_one_line_what_it_came_to(line: str) -> None:
    assert stage_line(*LINES[line]) == line


def test_a_stop_of_the_teacher_says_what_is_missing_and_what_follows() -> None:
    counts = {"asked": 9, "paths": 7, "missing": 2, "still_missing": 2}
    assert still_missing(counts, trains=True) == (
        "extract: 2 of 9 paths are missing; training goes on with the 7 that are there; "
        "the same command asks for them again"
    )
    assert "training" not in still_missing(counts, trains=False)
    assert still_missing(counts | {"still_missing": 0}, trains=True) == ""


def test_only_what_dropped_more_than_half_is_said() -> None:
    prepared = {"train": 10, "test": 5, "leaked": 5}
    prepared |= {"test/other": 2, "dropped/other/in_train": 3, "dropped/odd": 9}
    verified = {"paths": 5, "verified": 2, "dropped": {"timeout": 1, "no_answer": 2}}
    stages = [{"name": "prepare", "counts": prepared}, {"name": "verify", "counts": verified}]
    assert mostly_dropped(stages) == [
        "prepare kept 2 of 5 problems of other; dropped: in_train 3",
        "verify kept 2 of 5 paths; dropped: no_answer 2, timeout 1",
    ]


def test_lessons_of_several_paths_are_counted_as_lessons() -> None:
    """A seq2seq student reads several sequences of one lesson, and a path may be in several."""
    counts = {"verified": 2, "lessons": 6, "examples": 4, "dropped": {"too_long": 4}}
    [kept] = mostly_dropped([{"name": "examples", "counts": counts}])
    assert kept == "examples kept 2 of 6 lessons; dropped: too_long 4"


def test_what_is_close_to_a_test_problem_is_said() -> None:
    counts = {"train": 9, "validation": 2, "leaked": 1, "near_duplicates": 3, "kept/masked": 4}
    assert problem_counts(counts) == (
        "9 train, 2 validation, 1 of train left out (leaked), 3 share 90 % of their words with a "
        "test problem, 4 equal one but for numbers and are trained on"
    )


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ([("ok", False)], 0),
        ([("ok", False), ("failed", True)], 2),
        ([("failed", True), ("failed", False)], 1),
        ([("killed", False)], 1),
    ],
)
def test_exit_code_tells_bad_input_from_a_fault(ended: list[tuple[State, bool]], code: int) -> None:
    results = [
        JobResult(job=n, state=state, overrides=[], folder="", refused=refused)
        for n, (state, refused) in enumerate(ended)
    ]
    assert exit_code(results) == code
