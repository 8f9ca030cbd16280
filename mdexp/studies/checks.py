"""Checks of methods that other commands measured, as rows of the page beside its own tests.

They are copied from LOG.md, where each stands with its command, and are no part of Holm's
correction. An outcome is where the 95 % interval lies; *too small to tell* where fewer than 20
problems are discordant, as far as their number is known, or the interval is wider than 20 points.
Without an interval, p decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mdexp.grading.pairing import BOOTSTRAP_SEED
from mdexp.grading.statistics import Difference, Interval, mcnemar, paired_difference
from mdexp.studies.evidence import ALPHA
from mdexp.studies.plan import Count
from mdexp.studies.study_files import Entry, read_entry

CHECKS_FILE = "checks.yaml"
AUC = "AUC"
FEWEST_DISCORDANT, WIDEST = 20, 0.2
ROUNDING = 0.0011  # two accuracies and a difference, each rounded to a tenth of a point
NonNegative = Annotated[int, Field(ge=0)]
Accuracy = Annotated[float, Field(ge=0, le=1)]
Outcome = Literal["above zero", "below zero", "not apart from zero", "too small to tell"]


class Check(Entry):
    """A claim that one way is better than another, with what was measured: how many problems one
    way alone solves, or a difference with its interval, or accuracies and a p."""

    method: str
    claim: str
    n: Count  # problems
    seed: int = 0
    accuracies: tuple[Accuracy, Accuracy] | None = None  # of the baseline, of the tested way
    solved_alone: tuple[NonNegative, NonNegative] | None = None  # by the baseline, by the tested
    difference: tuple[float, float, float] | None = None  # mean, low, high, as shares
    p: Annotated[float, Field(ge=0, le=1)] | None = None
    unit: Literal["points", "AUC"] = "points"
    planned: bool  # the claim was written down before it ran
    entry: str  # the heading of LOG.md under which it stands
    quotes: Annotated[tuple[str, ...], Field(min_length=1)]  # the words there that have the figures
    note: str = ""  # what it does not show

    @model_validator(mode="after")
    def _has_one_result(self) -> Self:
        if self.solved_alone is not None and not (self.difference is None and self.p is None):
            raise ValueError("solved_alone gives the difference and p; leave them out")
        if self.solved_alone is not None and sum(self.solved_alone) > self.n:
            raise ValueError(f"solved_alone sums to more than the {self.n} problems")
        by_p = self.p is not None and self.accuracies is not None
        if self.solved_alone is None and self.difference is None and not by_p:
            raise ValueError("give solved_alone, or difference, or accuracies and p")
        if self.unit == AUC and (self.difference is None or self.accuracies is not None):
            raise ValueError("unit=AUC goes with difference, and without accuracies")
        return self

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.difference is not None:
            mean, low, high = self.difference
            if not -1 <= low <= mean <= high <= 1:
                raise ValueError(f"difference={list(self.difference)}: not -1 <= low <= mean <= 1")
        gain = self._gain()
        if self.accuracies is not None and gain is not None:
            between = self.accuracies[1] - self.accuracies[0]
            if abs(gain - between) > ROUNDING:
                raise ValueError(f"accuracies differ by {between:+.3f}, not by {gain:+.3f}")
        return self

    def _gain(self) -> float | None:
        if self.solved_alone is not None:
            baseline, tested = self.solved_alone
            return (tested - baseline) / self.n
        return self.difference[0] if self.difference is not None else None


class CheckList(Entry):
    not_run: tuple[str, ...] = ()  # what was asked for and not measured
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckRow:
    check: Check
    difference: Difference | None
    p: float | None
    outcome: Outcome


def read_checks(folder: Path) -> CheckList:
    """The checks in a study's folder; none without their file. StudyError if it is invalid."""
    file = folder / CHECKS_FILE
    return read_entry(file, CheckList) if file.is_file() else CheckList()


def check_rows(checks: Sequence[Check]) -> list[CheckRow]:
    return [_row(check) for check in checks]


def _row(check: Check) -> CheckRow:
    difference, p = None, check.p
    if check.solved_alone is not None:
        baseline, tested = check.solved_alone
        neither = [False] * (check.n - baseline - tested)
        first = [True] * baseline + [False] * tested + neither
        second = [False] * baseline + [True] * tested + neither
        difference = paired_difference(first, second, seed=BOOTSTRAP_SEED)
        p = mcnemar(first, second).p
    elif check.difference is not None:
        mean, low, high = check.difference
        difference = Difference(mean, Interval(low, high))
    return CheckRow(check, difference, p, _outcome(check, difference))


def _outcome(check: Check, difference: Difference | None) -> Outcome:
    if check.solved_alone is not None and sum(check.solved_alone) < FEWEST_DISCORDANT:
        return "too small to tell"
    if difference is None:
        if check.p is not None and check.accuracies is not None and check.p <= ALPHA:
            baseline, tested = check.accuracies
            return "above zero" if tested > baseline else "below zero"
        return "not apart from zero"
    low, high = difference.ci95
    if low > 0:
        return "above zero"
    if high < 0:
        return "below zero"
    return "too small to tell" if high - low > WIDEST else "not apart from zero"


def difference_text(row: CheckRow) -> str:
    """`+1.2 (-3.4 to +5.6)` in points, with three decimals for an AUC; empty without any."""
    if row.difference is None:
        return ""
    auc = row.check.unit == AUC
    values = (row.difference.mean, *row.difference.ci95)
    mean, low, high = (f"{v:+.3f}" if auc else f"{100 * v:+.1f}" for v in values)
    return f"{mean} ({low} to {high})" + (" AUC" if auc else "")


def check_p(row: CheckRow) -> str:
    """Two digits, as LOG.md has them."""
    if row.p is None:
        return ""
    return "< 0.0001" if row.p < 0.0001 else f"{row.p:.2g}"
