"""Curves of the accuracy after training over a swept number: λ, the number of paths, any other key.

Seeds are pooled: jobs that differ only in their seed are one point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from mdexp.sweeps.jobs import JobResult, accuracy_columns, column_name, differing

Row = dict[str, Any]  # of metrics.json

MAX_SERIES = 8
LETTERS = {"lambda": "λ"}
SEED = "seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """Accuracy (a share) at one value of the key: of one job, or the mean of several seeds.

    A mean has no interval here: the seeds share their problems, so one over all answers would be
    too narrow, and metrics do not tell which seed solved which problem.
    """

    x: float
    accuracy: float
    ci95: tuple[float, float] | None = None
    seeds: tuple[float, ...] = ()  # accuracy of each seed, if there are several

    @property
    def highest(self) -> float:
        return max((self.accuracy, *(self.ci95 or ()), *self.seeds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Lines over one swept key, named by the way to answer and the other swept values. `way` is set
    if the lines of a set would have been too many for one curve: then it has those of one way."""

    key: str
    dataset: str
    lines: dict[str, list[SweepPoint]]
    way: str = ""

    @property
    def title(self) -> str:
        way = self.way if len(self.lines) > 1 else next(iter(self.lines))
        return f"{self.dataset}{way and f', {way}'} by {LETTERS.get(self.key, self.key)}"

    @property
    def labels(self) -> list[str]:
        """The names of the lines, without the way that the title has."""
        return [name.removeprefix(f"{self.way}, ") for name in self.lines]


def sweep_curves(results: Sequence[JobResult]) -> list[Curve]:
    """One curve for each swept number and test set; if that had too many lines, one for each way to
    answer, too."""
    done = [result for result in results if result.state == "ok"]
    found = []
    for key in swept_numbers(done):
        lines = _lines(done, key)
        for dataset in dict.fromkeys(dataset for dataset, _ in accuracy_columns(done)):
            of_set = {
                (way, rest): line for (name, way, rest), line in lines.items() if name == dataset
            }
            parts = {"": list(of_set)}
            if len(of_set) > MAX_SERIES:
                ways = dict.fromkeys(way for way, _ in of_set)
                parts = {way: [one for one in of_set if one[0] == way] for way in ways}
            for only, part in parts.items():
                named = {
                    _name(column_name(done, dataset, way), rest): of_set[way, rest]
                    for way, rest in part
                }
                title = column_name(done, dataset, only) if only else ""
                found.append(Curve(key=key, dataset=dataset, lines=named, way=title))
    return found


def curve_rows(
    results: Sequence[JobResult],
) -> list[tuple[str, str, float, str, float, float | None, float | None]]:
    """All points as rows: test set, key, value, line, accuracy and the ends of its interval."""
    return [
        (curve.dataset, curve.key, point.x, name, point.accuracy, *(point.ci95 or (None, None)))
        for curve in sweep_curves(results)
        for name, line in curve.lines.items()
        for point in line
    ]


def swept_numbers(results: Sequence[JobResult]) -> list[str]:
    """The keys with several values in the sweep, all numbers; seeds do not count."""
    values: dict[str, set[float | None]] = {}
    for overrides in differing(results):
        for override in overrides:
            key, _, value = override.partition("=")
            values.setdefault(key, set()).add(_number(value))
    values.pop(SEED, None)
    return [key for key, seen in values.items() if None not in seen and len(seen) > 1]


def _lines(results: Sequence[JobResult], key: str) -> dict[tuple[str, str, str], list[SweepPoint]]:
    """The points in the order of the key's values, by test set, way to answer and other
    overrides."""
    lines: dict[tuple[str, str, str], dict[float, list[Row]]] = {}
    for result, overrides in zip(results, differing(results), strict=True):
        own = dict(override.split("=", 1) for override in overrides if "=" in override)
        x = _number(own.pop(key, ""))
        if x is None:
            continue
        own.pop(SEED, None)
        rest = " ".join(f"{name}={value}" for name, value in own.items())
        for dataset, way in accuracy_columns([result]):
            row = result.metrics[dataset]["after"][way]
            lines.setdefault((dataset, way, rest), {}).setdefault(x, []).append(row)
    return {
        name: [_point(x, rows) for x, rows in sorted(line.items())] for name, line in lines.items()
    }


def _point(x: float, rows: Sequence[Row]) -> SweepPoint:
    """The point of one job, or of several seeds."""
    if len(rows) == 1:
        low, high = rows[0]["ci95"]
        return SweepPoint(x=x, accuracy=rows[0]["accuracy"], ci95=(low, high))
    seeds = tuple(row["accuracy"] for row in rows)
    return SweepPoint(x=x, accuracy=fmean(seeds), seeds=seeds)


def _name(way: str, rest: str) -> str:
    return f"{way}, {rest}" if rest else way


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
