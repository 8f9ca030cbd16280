"""The problems of a run: training, validation, test and out-of-distribution (OOD) test.

Validation is carved from training. What would let the student see a test question in training is
marked (`leaked`) or, for an OOD set, dropped, and all of it is counted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mdexp.datasets.overlap import masked, normalised
from mdexp.datasets.subset import first_by_hash
from mdexp.ports import Dataset
from mdexp.records import Problem

MAX_VALIDATION = 200
VALIDATION_SHARE = 0.2  # of the training problems, at most


def prepare(
    dataset: Dataset, ood: Sequence[Dataset], seed: int
) -> tuple[list[Problem], Counter[str]]:
    """All problems with their splits, and counts: of each split, `leaked`, and `dropped/...`."""
    problems = dataset.problems()
    test = [problem for problem in problems if problem.split == "test"]
    train = _mark_leaked([problem for problem in problems if problem.split == "train"], test)
    train = _carve_validation(train, seed)
    counts = Counter[str](problem.split for problem in train + test)
    counts["leaked"] = sum(problem.leaked for problem in train)
    counts.update(_named("dropped", dataset.dropped()))
    trained_on = {masked(problem.question) for problem in train if not problem.leaked}
    out = train + test
    for other in ood:
        items = [problem for problem in other.problems() if problem.split == "test"]
        _refuse_namesake(items, out)
        kept = [problem for problem in items if masked(problem.question) not in trained_on]
        counts.update(_ood_counts(items, kept) + _ood_dropped(items, other))
        out += kept
    _refuse_twins(out)
    return out, counts


def _mark_leaked(train: Sequence[Problem], test: Sequence[Problem]) -> list[Problem]:
    tested = {masked(problem.question) for problem in test}
    return [replace(problem, leaked=masked(problem.question) in tested) for problem in train]


def _carve_validation(train: Sequence[Problem], seed: int) -> list[Problem]:
    """Move some problems to validation: none that leaked, none that stands in training twice."""
    times = Counter(normalised(problem.question) for problem in train)
    eligible = [p for p in train if not p.leaked and times[normalised(p.question)] == 1]
    size = min(MAX_VALIDATION, int(VALIDATION_SHARE * len(train)))
    chosen = {problem.id for problem in first_by_hash(eligible, size, seed)}
    return [replace(p, split="validation") if p.id in chosen else p for p in train]


def _ood_counts(items: Sequence[Problem], kept: Sequence[Problem]) -> Counter[str]:
    counts = Counter(f"test/{problem.dataset}" for problem in kept)
    kept_ids = {problem.id for problem in kept}
    for problem in items:
        if problem.id not in kept_ids:
            counts[f"dropped/{problem.dataset}/in_train"] += 1
    return counts


def _ood_dropped(items: Sequence[Problem], dataset: Dataset) -> Counter[str]:
    return _named(f"dropped/{items[0].dataset}", dataset.dropped()) if items else Counter()


def _named(prefix: str, counts: Counter[str]) -> Counter[str]:
    return Counter({f"{prefix}/{reason}": count for reason, count in counts.items()})


def _refuse_twins(problems: Sequence[Problem]) -> None:
    """Records are joined by id. Two equal ones mean that a test set was named twice."""
    twins = [i for i, times in Counter(problem.id for problem in problems).items() if times > 1]
    if twins:
        raise ValueError(
            f"{len(twins)} problem ids occur twice, such as {twins[0]!r}: "
            "dataset.ood must not name a set that is tested already"
        )


def _refuse_namesake(items: Sequence[Problem], known: Sequence[Problem]) -> None:
    """Results are told apart by the names of sets. Where ids are the same, twins are the fault."""
    names, ids = {p.dataset for p in known}, {p.id for p in known}
    if items and items[0].dataset in names and not {p.id for p in items} & ids:
        raise ValueError(
            f"two sets of problems are named {items[0].dataset}: "
            "give one of your own another dataset.name"
        )
