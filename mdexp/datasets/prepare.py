"""Prepares the problems of a run: training, validation, test and out-of-distribution (OOD) test.

Validation problems are taken from training. A training problem that equals a test question is
marked `leaked`; an OOD problem that equals a training question is dropped; both are counted.
`dataset.overlap` says when two questions are the same; with `dataset.near_duplicates=drop` those
that are nearly the same are treated like them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mdexp.datasets.near_duplicates import NearDuplicates
from mdexp.datasets.overlap import keys
from mdexp.datasets.subset import first_by_hash
from mdexp.ports import Dataset, HasColumns, SourceError
from mdexp.records import Overlap, Problem

MAX_VALIDATION = 200
VALIDATION_SHARE = 0.2  # largest share of the training problems
_RULES: tuple[Overlap, ...] = ("masked", "exact", "off")  # each marks all that the next marks


class Known:
    """Questions with which others are compared: test problems, or training problems."""

    def __init__(self, problems: Sequence[Problem], overlap: Overlap) -> None:
        self._overlap = overlap
        self._keys = {key for p in problems for key in keys(p.question, overlap)}
        self._near = NearDuplicates([problem.question for problem in problems], overlap)

    def equal(self, problems: Iterable[Problem]) -> set[str]:
        """The ids of problems that equal a known one."""
        return {
            p.id for p in problems if not self._keys.isdisjoint(keys(p.question, self._overlap))
        }

    def near(self, problems: Iterable[Problem]) -> set[str]:
        """The ids of problems that share nearly all of their words with a known one."""
        return {p.id for p in problems if self._near.find(p.question) is not None}


def prepare_problems(
    dataset: Dataset, ood: Sequence[Dataset], seed: int
) -> tuple[list[Problem], Counter[str]]:
    """All problems with their splits, and counts.

    Counted are each split, `leaked` (training problems that are not trained on), `near_duplicates`
    (those that nearly equal a test problem), `leaked/near_duplicates` (where these are not trained
    on), `kept/masked` and `kept/exact` (those that a stricter `dataset.overlap` would mark, too)
    `dropped/...` and `unread/COLUMN` (rows that hold something in a column that is not read).
    """
    overlap, drop_near = dataset.overlap, dataset.near_duplicates == "drop"
    problems = dataset.problems()
    test = [problem for problem in problems if problem.split == "test"]
    train = [problem for problem in problems if problem.split == "train"]
    tested = Known(test, overlap)
    equal = tested.equal(train)
    near = tested.near(train) - equal
    leaked = equal | near if drop_near else equal
    train = [replace(problem, leaked=problem.id in leaked) for problem in train]
    train = _carve_validation(train, seed, overlap, drop_near)
    counts = Counter[str](problem.split for problem in train + test)
    counts["leaked"], counts["near_duplicates"] = len(leaked), len(near)
    if drop_near:
        counts["leaked/near_duplicates"] = len(near)
    for rule in _RULES[: _RULES.index(overlap)]:
        counts[f"kept/{rule}"] = len(Known(test, rule).equal(train) - leaked)
    counts.update(_named("dropped", dataset.dropped()))
    if isinstance(dataset, HasColumns):
        counts.update(_named("unread", dataset.unread()))
    trained_on = Known([problem for problem in train if not problem.leaked], overlap)
    out = train + test
    for other in ood:
        items = [problem for problem in other.problems() if problem.split == "test"]
        _refuse_namesake(items, out)
        kept, of_set = _not_trained_on(items, trained_on, drop_near)
        counts.update(of_set + _ood_dropped(items, other))
        out += kept
    _refuse_twins(out)
    return out, counts


def _carve_validation(
    train: Sequence[Problem], seed: int, overlap: Overlap, drop_near: bool
) -> list[Problem]:
    """Move some training problems to validation: none that leaked, none whose twin is trained
    on."""
    trained_on = [problem for problem in train if not problem.leaked]
    times = Counter(key for problem in trained_on for key in keys(problem.question, overlap))
    eligible = [p for p in trained_on if all(times[k] == 1 for k in keys(p.question, overlap))]
    if drop_near:
        index = NearDuplicates([problem.question for problem in trained_on], overlap)
        near = {p.id for n, p in enumerate(trained_on) if index.find(p.question, but=n) is not None}
        eligible = [problem for problem in eligible if problem.id not in near]
    size = min(MAX_VALIDATION, int(VALIDATION_SHARE * len(train)))
    chosen = {problem.id for problem in first_by_hash(eligible, size, seed)}
    return [replace(p, split="validation") if p.id in chosen else p for p in train]


def _not_trained_on(
    items: Sequence[Problem], trained_on: Known, drop_near: bool
) -> tuple[list[Problem], Counter[str]]:
    """The test problems of an OOD set that the student does not train on, and their counts."""
    equal = trained_on.equal(items)
    near = trained_on.near(items) - equal
    dropped = equal | near if drop_near else equal
    kept = [problem for problem in items if problem.id not in dropped]
    counts = Counter(f"test/{problem.dataset}" for problem in kept)
    if items:
        name = items[0].dataset
        counts[f"dropped/{name}/in_train"] = len(equal)
        counts[f"{'dropped/' if drop_near else ''}{name}/near_duplicates"] = len(near)
    return kept, +counts


def _ood_dropped(items: Sequence[Problem], dataset: Dataset) -> Counter[str]:
    return _named(f"dropped/{items[0].dataset}", dataset.dropped()) if items else Counter()


def _named(prefix: str, counts: Counter[str]) -> Counter[str]:
    return Counter({f"{prefix}/{reason}": count for reason, count in counts.items()})


def _refuse_twins(problems: Sequence[Problem]) -> None:
    """Refuse two problems with one id, since records are joined by id: a test set was named
    twice."""
    twins = [i for i, times in Counter(problem.id for problem in problems).items() if times > 1]
    if twins:
        raise SourceError(
            f"{len(twins)} problem ids occur twice, such as {twins[0]!r}: "
            "dataset.ood must not name a set that is tested already"
        )


def _refuse_namesake(items: Sequence[Problem], known: Sequence[Problem]) -> None:
    """Refuse two sets with one name, since results are kept by name. Equal ids are reported
    first."""
    names, ids = {p.dataset for p in known}, {p.id for p in known}
    if items and items[0].dataset in names and not {p.id for p in items} & ids:
        raise SourceError(
            f"two sets of problems are named {items[0].dataset}: "
            "give one of your own another dataset.name"
        )
