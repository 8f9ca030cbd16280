"""The splits of a run: validation carved, leaks marked, OOD items dropped, everything counted."""

import os
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, islice, product
from pathlib import Path
from typing import Any

import pytest

from mdexp.config.ood_sets import load_ood
from mdexp.datasets.prepare import MAX_VALIDATION, prepare_problems
from mdexp.records import NearDuplicates, Overlap, Problem, Split
from tests.named_dataset import dataset

DATA = os.environ.get("MDEXP_DATA")
THINGS = ["apple", "book", "coin", "desk", "egg", "fork", "glove", "hat"]
THINGS += ["iron", "jar", "key", "lamp", "map", "nail", "oar", "pen"]


class Given:
    """A dataset with the given problems."""

    path = limit_train = limit_test = None
    ood = ()
    source = licence = ""

    def __init__(
        self,
        problems: Sequence[Problem],
        overlap: Overlap = "masked",
        near_duplicates: NearDuplicates = "keep",
        **dropped: int,
    ) -> None:
        self.overlap, self.near_duplicates = overlap, near_duplicates
        self._problems, self._dropped = list(problems), Counter(dropped)

    def files(self) -> dict[str, Path]:
        return {}

    def problems(self) -> list[Problem]:
        return self._problems

    def dropped(self) -> Counter[str]:
        return self._dropped


def problem(question: str, split: Split = "train", name: str = "main") -> Problem:
    identifier = f"{name}/{split}/{question}"
    return Problem(id=identifier, dataset=name, split=split, question=question, answer=1)


def training(size: int) -> list[Problem]:
    """No two of them are the same question with words in other places."""
    forms = product(["on", "below"], combinations(THINGS, 2))
    return [problem(f"Is the {a} {place} the {b}?") for place, (a, b) in islice(forms, size)]


@pytest.mark.parametrize(("size", "validation"), [(4, 0), (10, 2), (240, 48)])
def test_validation_is_a_fifth_of_training(size: int, validation: int) -> None:
    _, counts = prepare_problems(Given(training(size)), (), seed=0)
    assert (counts["train"], counts["validation"]) == (size - validation, validation)


def test_validation_has_a_ceiling_and_a_seed() -> None:
    many = [problem(f"What is {'x' * n}?") for n in range(1, 1200)]
    chosen = []
    for seed in (0, 0, 1):
        problems, counts = prepare_problems(Given(many), (), seed=seed)
        assert counts["validation"] == MAX_VALIDATION
        chosen.append({p.id for p in problems if p.split == "validation"})
    assert chosen[0] == chosen[1] != chosen[2]


def test_repeated_training_question_is_never_validation() -> None:
    once, twice = training(20), training(10)
    again = [problem(p.question.upper(), name="again") for p in twice]
    problems, _ = prepare_problems(Given(once + again), (), seed=3)
    validation = [p.question for p in problems if p.split == "validation"]
    assert validation
    assert not {q.lower() for q in validation} & {p.question.lower() for p in twice}


def test_training_twin_of_a_test_problem_is_marked() -> None:
    test = [problem("Ann has 3 pens. How many?", "test")]
    twins = [problem("ann has 3 pens . how many ?"), problem("Ann has 12 pens. How many?")]
    problems, counts = prepare_problems(Given([*training(20), *twins, *test]), (), seed=0)
    marked = {p.id: p.split for p in problems if p.leaked}
    assert marked == {twin.id: "train" for twin in twins}
    assert counts["leaked"] == 2
    assert len(problems) == 23, "a leaked problem is marked, not lost"


@pytest.mark.parametrize(
    ("overlap", "leaked", "kept"),
    [
        ("masked", 2, {}),
        ("exact", 1, {"kept/masked": 1}),
        ("off", 0, {"kept/masked": 2, "kept/exact": 1}),
    ],
)
def test_the_rule_decides_what_leaks_and_the_rest_is_counted(
    overlap: Overlap, leaked: int, kept: dict[str, int]
) -> None:
    test = [problem("Ann has 3 pens. How many?", "test")]
    twins = [problem("ann has 3 pens . how many ?"), problem("Ann has 12 pens. How many?")]
    problems, counts = prepare_problems(Given([*training(20), *twins, *test], overlap), (), seed=0)
    assert sum(p.leaked for p in problems) == counts["leaked"] == leaked
    assert {key: n for key, n in counts.items() if key.startswith("kept/")} == kept


def test_problems_from_one_template_are_all_trained_on_by_the_exact_rule() -> None:
    splits: list[Split] = ["train"] * 40 + ["test"] * 10
    made = [problem(f"Ann has {n} pens and buys {n + 1}?", s) for n, s in enumerate(splits)]
    _, counts = prepare_problems(Given(made, "exact"), (), seed=0)
    assert (counts["train"], counts["validation"], counts["leaked"]) == (32, 8, 0)
    _, counts = prepare_problems(Given(made, "masked"), (), seed=0)
    assert counts["leaked"] == 40


LONG = "On the way to the old mill Ann sells {} red pens and then all of her {} {} to Bo."


def test_near_duplicates_are_counted_and_left_out_by_choice() -> None:
    test = problem(LONG.format(3, 4, "coins"), "test")
    near = problem(LONG.format(5, 6, "books"))
    for choice, leaked in (("keep", 0), ("drop", 1)):
        given = Given([*training(20), near, test], near_duplicates=choice)
        problems, counts = prepare_problems(given, (), seed=0)
        assert counts["near_duplicates"] == 1
        assert counts["leaked/near_duplicates"] == counts["leaked"] == leaked
        assert [p.id for p in problems if p.leaked] == [near.id] * leaked
    items = [problem(LONG.format(7, 8, "hats"), "test", "other")]
    given = Given([*training(20), near], near_duplicates="drop")
    _, counts = prepare_problems(given, [Given(items)], seed=0)
    assert counts["dropped/other/near_duplicates"] == 1 and not counts["test/other"]


@pytest.mark.parametrize(("overlap", "size"), [("masked", 0), ("exact", 4)])
def test_no_validation_problem_has_a_twin_that_is_trained_on(overlap: Overlap, size: int) -> None:
    twins = [problem(f"Ann has {n} pens. How many?") for n in range(20)]
    _, counts = prepare_problems(Given(twins, overlap), (), seed=0)
    assert counts["validation"] == size


def test_no_validation_problem_nearly_equals_one_that_is_trained_on() -> None:
    near = [problem(LONG.format(n, n, thing)) for n, thing in enumerate(THINGS)]
    found = {}
    for choice in ("keep", "drop"):
        problems, _ = prepare_problems(
            Given([*training(4), *near], near_duplicates=choice), (), seed=0
        )
        found[choice] = {p.id for p in problems if p.split == "validation"}
    assert found["keep"] & {p.id for p in near}
    assert found["drop"] and not found["drop"] & {p.id for p in near}


def test_ood_item_that_was_trained_on_is_dropped() -> None:
    seen, unseen = "Is the apple on the book?", "Is the moon on the book?"
    items = [problem(question, "test", "other") for question in (seen, unseen)]
    extra = problem("How far?", "train", "other")
    problems, counts = prepare_problems(
        Given(training(20)), [Given([*items, extra], odd=5)], seed=0
    )
    assert [p.question for p in problems if p.dataset == "other"] == [unseen]
    assert counts["dropped/other/in_train"] == counts["test/other"] == 1
    assert counts["dropped/other/odd"] == 5


def test_leaked_problem_takes_no_ood_item_away() -> None:
    question = "Is the apple on the book?"
    main = [*training(20), problem(question, "test")]
    problems, counts = prepare_problems(
        Given(main), [Given([problem(question, "test", "other")])], seed=0
    )
    assert counts["leaked"] == counts["test/other"] == 1
    assert sum(p.dataset == "other" for p in problems) == 1


def test_set_that_is_tested_twice_is_refused() -> None:
    main = Given([problem("How far?", "test")])
    with pytest.raises(ValueError, match=r"1 problem ids occur twice.*dataset\.ood"):
        prepare_problems(main, [main], seed=0)


def test_sets_of_one_name_are_refused() -> None:
    main, other = Given([problem("How far?", "test")]), Given([problem("How long?", "test")])
    with pytest.raises(ValueError, match=r"two sets of problems are named main: .*dataset\.name"):
        prepare_problems(main, [other], seed=0)


def test_a_set_of_ones_own_keeps_its_path(tmp_path: Path) -> None:
    own = {"_target_": "mdexp.datasets.jsonl.JsonLines", "split": "default", "ood": []}
    own |= {"path": "mine", "limit_train": None, "limit_test": None}
    main = dataset("svamp", path=str(tmp_path), ood=({"mine": own}, "gsm8k"))
    assert [d.path for d in load_ood(main)] == ["mine", str(tmp_path)]


def test_ood_sets_share_path_and_limit(tmp_path: Path) -> None:
    main = dataset("svamp", path=str(tmp_path), limit_test=7, ood=("asdiv", "gsm8k"))
    assert [(type(d).__name__, d.path, d.limit_test) for d in load_ood(main)] == [
        ("Asdiv", str(tmp_path), 7),
        ("Gsm8k", str(tmp_path), 7),
    ]


def test_symbolic_problems_do_not_leak_between_templates() -> None:
    pytest.importorskip("reasoning_gym")
    _, counts = prepare_problems(dataset("gsm_symbolic"), (), seed=0)
    assert counts == {
        "train": 320,
        "validation": 80,
        "test": 200,
        "leaked": 0,
        "near_duplicates": 0,
    }


@pytest.mark.skipif(not DATA, reason="MDEXP_DATA names no folder with the real data")
@pytest.mark.parametrize(
    ("name", "ood", "expected"),
    [
        ("svamp", ["asdiv"], {"train": 560, "validation": 140, "test": 300, "test/asdiv": 2156}),
        ("svamp", [], {"leaked": 11, "near_duplicates": 226}),
        ("svamp_pool", [], {"train": 1433, "validation": 200, "test": 300, "leaked": 0}),
        ("svamp_pool", ["asdiv"], {"dropped/in_asdiv": 834, "dropped/asdiv/not_numeric": 146}),
        (
            "gsm8k",
            [],
            {"train": 7273, "validation": 200, "test": 1319, "leaked": 0, "near_duplicates": 3},
        ),
    ],
)
def test_real_counts(name: str, ood: list[str], expected: dict[str, Any]) -> None:
    main = dataset(name, path=DATA, ood=ood)
    problems, counts = prepare_problems(main, load_ood(main), seed=0)
    assert expected.items() <= counts.items()
    of_ood = counts["test/asdiv"] + counts["dropped/asdiv/in_train"]
    assert of_ood == (2159 if ood else 0)
    kept = sum(counts[split] for split in ("train", "validation", "test", "test/asdiv"))
    assert len({p.id for p in problems}) == len(problems) == kept
