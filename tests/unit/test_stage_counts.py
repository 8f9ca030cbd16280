"""What stages kept and dropped, as sentences."""

from typing import Any

import pytest

from mdexp.report.stage_counts import mostly_dropped, nothing_left, problem_counts
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
