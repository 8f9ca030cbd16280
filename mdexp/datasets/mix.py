"""Combines several datasets: trained on together, tested separately.

Problems keep the ids of their sets, so that recorded answers are found; two problems with one id
are refused. `shares` is each set's share of the training problems: as many problems are taken as
the scarcest set allows. Problems left out are counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from mdexp.config.ood_sets import OodNames, ood_name, set_options
from mdexp.datasets.subset import first_by_hash
from mdexp.ports import Dataset, HasColumns, HasFreeText, OodSet, SourceError
from mdexp.ports.parts import build_part
from mdexp.records import NearDuplicates, Overlap, Problem, TextMatch

Share = Annotated[float, Field(gt=0, lt=1)]
SUM_TOLERANCE = 1e-9


class Mix(BaseModel):
    """`limit_train` applies to all sets together, `limit_test` to each set's test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None  # for the sets that have none
    split: Literal["default"]
    sets: Annotated[OodNames, Field(min_length=2)]
    shares: dict[str, Share] | None
    limit_train: PositiveInt | None
    limit_test: PositiveInt | None
    ood: OodNames
    overlap: Overlap
    near_duplicates: NearDuplicates

    @model_validator(mode="after")
    def _shares_fit_sets(self) -> Self:
        names = [ood_name(entry) for entry in self.sets]
        if "mix" in names:
            raise ValueError(f"sets must not name a mix; got {', '.join(names)}")
        if self.shares is None:
            return self
        if set(self.shares) != set(names):
            raise ValueError(
                f"shares names all of {', '.join(names)}, or is null; got {', '.join(self.shares)}"
            )
        if abs(sum(self.shares.values()) - 1) > SUM_TOLERANCE:
            raise ValueError(f"shares must sum to 1, got {sum(self.shares.values())}")
        return self

    @property
    def source(self) -> str:
        return "; ".join(part.source for part in self.parts.values())

    @property
    def licence(self) -> str:
        return "; ".join(f"{name}: {part.licence}" for name, part in self.parts.items())

    @property
    def match(self) -> TextMatch | None:
        """The `match` of the first set with free text."""
        rules = [part.match for part in self.parts.values() if isinstance(part, HasFreeText)]
        return next(filter(None, rules), None)

    @cached_property
    def parts(self) -> dict[str, Dataset]:
        """The sets by name."""
        return {ood_name(entry): self._part(entry) for entry in self.sets}

    def files(self) -> dict[str, Path]:
        return {name: file for part in self.parts.values() for name, file in part.files().items()}

    def dropped(self) -> Counter[str]:
        counts = Counter[str]()
        for name, part in self.parts.items():
            for reason, count in part.dropped().items():
                counts[f"{name}/{reason}"] = count
        training = _split(self._found, is_test=False)
        for name, number in self._trained_on(training).items():
            if left_out := len(training[name]) - number:
                counts[f"{name}/share"] = left_out
        return counts

    def unread(self) -> Counter[str]:
        return Counter(
            {
                f"{name}/{column}": rows
                for name, part in self.parts.items()
                if isinstance(part, HasColumns)
                for column, rows in part.unread().items()
            }
        )

    def problems(self) -> list[Problem]:
        found = self._found
        training, tests = (_split(found, is_test=is_test) for is_test in (False, True))
        train = [
            problem
            for name, number in self._trained_on(training).items()
            for problem in first_by_hash(training[name], number)
        ]
        test = [problem for problems in tests.values() for problem in problems]
        _refuse_twins([*train, *test], list(found))
        _refuse_namesakes(tests)
        return train + test

    @cached_property
    def _found(self) -> dict[str, list[Problem]]:
        return {name: part.problems() for name, part in self.parts.items()}

    def _trained_on(self, training: Mapping[str, Sequence[Problem]]) -> dict[str, int]:
        """The number of training problems of each set."""
        sizes = {name: len(problems) for name, problems in training.items()}
        total = sum(sizes.values())
        if self.shares is None:
            shares = {name: Fraction(size, total or 1) for name, size in sizes.items()}
        else:
            shares = {name: Fraction(str(self.shares[name])) for name in sizes}
        most = min((sizes[name] / share for name, share in shares.items() if share), default=0)
        wanted = min(most, self.limit_train or total)
        return _rounded({name: wanted * share for name, share in shares.items()}, sizes)

    def _part(self, entry: OodSet) -> Dataset:
        options = set_options(entry)
        given: dict[str, Any] = {"path": options["path"] or self.path}
        if self.limit_test:
            given["limit_test"] = self.limit_test
        return cast(Dataset, build_part(options | given))


def _rounded(exact: Mapping[str, Fraction | int], sizes: Mapping[str, int]) -> dict[str, int]:
    """Whole numbers with the same sum (rounded down) by the largest-remainder method; no set gives
    more than it has."""
    counts = {name: int(number) for name, number in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    left = int(sum(exact.values())) - sum(counts.values())
    for name in [name for name in by_remainder if counts[name] < sizes[name]][:left]:
        counts[name] += 1
    return counts


def _split(found: Mapping[str, Sequence[Problem]], *, is_test: bool) -> dict[str, list[Problem]]:
    return {
        name: [problem for problem in problems if (problem.split == "test") == is_test]
        for name, problems in found.items()
    }


def _refuse_twins(problems: Sequence[Problem], names: Sequence[str]) -> None:
    """Records are joined by id."""
    times = Counter(problem.id for problem in problems)
    if twins := [name for name, number in times.items() if number > 1]:
        raise SourceError(
            f"dataset.sets: {len(twins)} ids are in two of {', '.join(names)}, such as "
            f"{twins[0]!r}: leave one of the two sets out"
        )


def _refuse_namesakes(tests: Mapping[str, Sequence[Problem]]) -> None:
    """SourceError if two sets have one name: results are kept by name."""
    named = Counter(n for problems in tests.values() for n in {p.dataset for p in problems})
    if shared := [name for name, number in named.items() if number > 1]:
        raise SourceError(
            f"dataset.sets: the test problems of two sets are named {', '.join(shared)}: "
            "give one of your own another name"
        )
