"""Checks of single methods, which other commands measured: rows of the page beside its own tests.

They are copied from LOG.md, where each stands with its command, and are no part of Holm's
correction. A check is *seen* or *opposite* if its 95 % interval excludes zero, else *not seen*;
without an interval it is judged by its p, which cannot see more than that a difference is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mdexp.grading.pairing import BOOTSTRAP_SEED
from mdexp.grading.statistics import Difference, Interval, mcnemar, paired_difference
from mdexp.studies.evidence import ALPHA, Verdict
from mdexp.studies.plan import Count, Entry, read_entry

CHECKS_FILE = "checks.yaml"
ROUNDED = 0.0011  # two accuracies and a difference, each rounded to a tenth of a point
Number = Annotated[int, Field(ge=0)]


class Check(Entry):
    """A claim that one way is better than another, with what was measured: the problems that only
    one of them solves, or a difference with its interval, or a p alone."""

    method: str
    claim: str
    n: Count  # problems
    seed: int = 0
    accuracies: tuple[float, float] | None = None  # of the baseline and the tested way, as shares
    only: tuple[Number, Number] | None = None  # solved by the baseline alone, by the tested alone
    difference: tuple[float, float, float] | None = None  # mean, low, high, as shares
    p: float | None = Field(default=None, ge=0, le=1)
    unit: Literal["points", "AUC"] = "points"
    planned: bool  # claim and n were written down before it ran
    entry: str  # the heading of LOG.md under which it stands

    @model_validator(mode="after")
    def _has_one_result(self) -> Self:
        if self.only is not None and (self.difference is not None or self.p is not None):
            raise ValueError("only gives the difference and p; leave them out")
        if self.only is None and self.difference is None and (self.p is None or self.p <= ALPHA):
            raise ValueError("give only, or difference, or a p above 0.05")
        if self.only is not None and sum(self.only) > self.n:
            raise ValueError(f"only={list(self.only)} are more than the {self.n} problems")
        if self.accuracies is not None and (gain := self._gain()) is not None:
            apart = self.accuracies[1] - self.accuracies[0]
            if abs(gain - apart) > ROUNDED:
                raise ValueError(
                    f"accuracies are {apart:+.3f} apart, the difference is {gain:+.3f}"
                )
        return self

    def _gain(self) -> float | None:
        if self.only is not None:
            return (self.only[1] - self.only[0]) / self.n
        return self.difference[0] if self.difference is not None else None


class CheckList(Entry):
    not_run: tuple[str, ...] = ()  # what was asked for and not measured
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckRow:
    check: Check
    difference: Difference | None
    p: float | None
    verdict: Verdict


def read_checks(folder: Path) -> CheckList:
    """The checks in a study's folder; none without their file. StudyError if it is invalid."""
    file = folder / CHECKS_FILE
    return read_entry(file, CheckList) if file.is_file() else CheckList()


def check_rows(checks: Sequence[Check]) -> list[CheckRow]:
    return [_row(check) for check in checks]


def _row(check: Check) -> CheckRow:
    found, p = None, check.p
    if check.only is not None:
        first, second = (_solved(check.n, check.only, alone) for alone in (0, 1))
        found, p = paired_difference(first, second, seed=BOOTSTRAP_SEED), mcnemar(first, second).p
    elif check.difference is not None:
        mean, low, high = check.difference
        found = Difference(mean, Interval(low, high))
    verdict: Verdict = "not seen"
    if found and found.ci95.low > 0:
        verdict = "seen"
    elif found and found.ci95.high < 0:
        verdict = "opposite"
    return CheckRow(check, found, p, verdict)


def difference_text(row: CheckRow) -> str:
    """`+1.2 (-3.4 to +5.6)` in points, with three decimals for an AUC; empty without any."""
    if row.difference is None:
        return ""
    scale, digits = (1, 3) if row.check.unit == "AUC" else (100, 1)
    mean, low, high = (
        f"{scale * value:+.{digits}f}" for value in (row.difference.mean, *row.difference.ci95)
    )
    return f"{mean} ({low} to {high})" + (" AUC" if row.check.unit == "AUC" else "")


def _solved(n: int, only: tuple[int, int], alone: int) -> list[bool]:
    """Which problems one side solves, of those that are solved by it alone or by the other."""
    sides = [0] * only[0] + [1] * only[1]
    return [side == alone for side in sides] + [False] * (n - len(sides))
