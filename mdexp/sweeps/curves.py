"""How accuracy after training follows a swept number: λ, the number of paths, any other key."""

from collections.abc import Sequence
from dataclasses import dataclass

from mdexp.jobs import Result, accuracy_columns, differing

MAX_SERIES = 8
LETTERS = {"lambda": "λ"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Accuracy at one value of the key, with the ends of its 95 % interval; all shares."""

    x: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Lines over one swept key, by name: the way to answer, and what else was swept."""

    key: str
    dataset: str
    lines: dict[str, list[Point]]

    @property
    def title(self) -> str:
        ways = "" if len(self.lines) > 1 else f", {next(iter(self.lines))}"
        return f"{self.dataset}{ways} by {LETTERS.get(self.key, self.key)}"


def curves(results: Sequence[Result]) -> list[Curve]:
    """One for each number that was swept and each test set; one for each way to answer as well
    where all lines together would be more than can be told apart."""
    done = [result for result in results if result.state == "ok"]
    found = []
    for key in swept_numbers(done):
        lines = _lines(done, key)
        for dataset in dict.fromkeys(dataset for dataset, _ in accuracy_columns(done)):
            of_set = {
                (way, rest): line for (name, way, rest), line in lines.items() if name == dataset
            }
            parts = [list(of_set)]
            if len(of_set) > MAX_SERIES:
                ways = dict.fromkeys(way for way, _ in of_set)
                parts = [[series for series in of_set if series[0] == way] for way in ways]
            for part in parts:
                named = {_name(*series): of_set[series] for series in part}
                found.append(Curve(key=key, dataset=dataset, lines=named))
    return found


def curve_rows(results: Sequence[Result]) -> list[tuple[str, str, float, str, float, float, float]]:
    """All points as rows: test set, key, value, line, accuracy and the ends of its interval."""
    return [
        (curve.dataset, curve.key, point.x, name, point.accuracy, point.low, point.high)
        for curve in curves(results)
        for name, line in curve.lines.items()
        for point in line
    ]


def swept_numbers(results: Sequence[Result]) -> list[str]:
    """Keys that have several values in the sweep, all of them numbers."""
    values: dict[str, set[float | None]] = {}
    for overrides in differing(results):
        for override in overrides:
            key, _, value = override.partition("=")
            values.setdefault(key, set()).add(_number(value))
    return [key for key, seen in values.items() if None not in seen and len(seen) > 1]


def _lines(results: Sequence[Result], key: str) -> dict[tuple[str, str, str], list[Point]]:
    """Points in order of the key, by test set, way to answer and the other overrides."""
    lines: dict[tuple[str, str, str], list[Point]] = {}
    for result, overrides in zip(results, differing(results), strict=True):
        own = dict(override.split("=", 1) for override in overrides if "=" in override)
        x = _number(own.pop(key, ""))
        if x is None:
            continue
        rest = " ".join(f"{name}={value}" for name, value in own.items())
        for dataset, way in accuracy_columns([result]):
            row = result.metrics[dataset]["after"][way]
            low, high = row["ci95"]
            point = Point(x=x, accuracy=row["accuracy"], low=low, high=high)
            lines.setdefault((dataset, way, rest), []).append(point)
    return {name: sorted(line, key=lambda point: point.x) for name, line in lines.items()}


def _name(way: str, rest: str) -> str:
    return f"{way}, {rest}" if rest else way


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
