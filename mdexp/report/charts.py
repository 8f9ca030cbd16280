"""Charts as inline SVG. Colours are classes (series.py), so that CSS sets light and dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from mdexp.grading.score import Row

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 48, 88, 20, 36
LINE_HEIGHT = 14  # height of the names at the ends of lines
MAX_POINTS = 300
STRIP_WIDTH, STRIP_HEIGHT = 180, 26
NLL = "nll_"  # prefix of the keys of each thought's loss

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axes:
    """A pair of axes, given by their ticks, and the position of points between them."""

    x_ticks: list[float]
    y_ticks: list[float]

    def place(self, point: Point) -> Point:
        x = LEFT + _share(point[0], self.x_ticks) * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - _share(point[1], self.y_ticks) * (HEIGHT - TOP - BOTTOM)

    def path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.place, points))

    def dot(self, kind: str, point: Point, title: str) -> str:
        """A point of a line, which shows its title under the mouse."""
        x, y = self.place(point)
        return (
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
            f"<title>{escape(title)}</title></circle>"
        )

    def svg(self, x_label: str, y_label: str) -> str:
        parts = []
        for value in self.y_ticks:
            _, y = self.place((self.x_ticks[0], value))
            ends = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
            parts.append(f'<line class="grid" {ends}/>')
            parts.append(f'<text class="y" x="{LEFT - 8}" y="{y + 4:.1f}">{value:g}</text>')
        for value in self.x_ticks:
            x, _ = self.place((value, self.y_ticks[0]))
            parts.append(f'<text class="x" x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}">{value:g}</text>')
        return "".join(parts) + _axis_labels(x_label, y_label)


def loss_curve(history: Sequence[Mapping[str, float]], classes: Mapping[str, str]) -> str:
    """A chart of loss and NLL per thought over the steps; long runs are drawn as means of equal
    spans."""
    lines = {
        name: _thinned([(row["step"], row[name]) for row in history if name in row])
        for name in losses(history)
    }
    return line_chart(
        lines,
        {name: classes[name.removeprefix(NLL)] for name in lines},
        x_label="optimiser step",
        y_label="nats per target token",
    )


def losses(history: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The last loss and the last NLL of each thought; a step may lack one of them."""
    last = {name: value for row in history for name, value in row.items()}
    return {name: last[name] for name in last if name == "loss" or name.startswith(NLL)}


def training_told(history: Sequence[Mapping[str, float]]) -> str:
    """The loss curve in a sentence."""
    last = losses(history)
    each = ", ".join(f"{k.removeprefix(NLL)} {v:.3f}" for k, v in last.items() if k != "loss")
    return (
        f"{len(history):,} steps; loss {history[0]['loss']:.3f} at the first, "
        f"{last['loss']:.3f} at the last; there, in nats per target token: {each or 'nothing'}."
    )


def line_chart(
    lines: Mapping[str, Sequence[Point]],
    classes: Mapping[str, str],
    *,
    x_label: str,
    y_label: str,
) -> str:
    """Lines over a common pair of axes, which begin where the data begins; y begins at 0 or
    below."""
    points = [point for line in lines.values() for point in line]
    axes = Axes(
        ticks(min(x for x, _ in points), max(x for x, _ in points), whole=True),
        ticks(min(0.0, *(y for _, y in points)), max(y for _, y in points)),
    )
    parts = [axes.svg(x_label, y_label)]
    for name, line in lines.items():
        parts.append(f'<polyline class="{classes[name]}" points="{axes.path(line)}"/>')
    ends = {name: axes.place(line[-1]) for name, line in lines.items()}
    label = escape(f"{', '.join(lines)} by {x_label}, in {y_label}; the text below has the last")
    return svg("chart", WIDTH, HEIGHT, label, [*parts, *end_names(ends, classes)])


def scatter(points: Mapping[str, Point], *, x_label: str, y_label: str) -> str:
    """Points with their names beside them; both axes begin at 0."""
    axes = Axes(
        ticks(0.0, max(x for x, _ in points.values())),
        ticks(0.0, max(y for _, y in points.values())),
    )
    dots = [axes.dot("series-1", p, f"{name}: {p[0]:g}, {p[1]:g}") for name, p in points.items()]
    names = end_names(
        {name: axes.place(point) for name, point in points.items()},
        dict.fromkeys(points, "series-1"),
    )
    label = escape(f"{', '.join(points)}: {y_label} by {x_label}; the table has the numbers")
    return svg("chart", WIDTH, HEIGHT, label, [axes.svg(x_label, y_label), *dots, *names])


def end_names(ends: Mapping[str, Point], classes: Mapping[str, str]) -> list[str]:
    """Each line's name beside its last point, moved down if it would overlap another."""
    parts: list[str] = []
    placed: list[Point] = []
    for name, (x, y) in sorted(ends.items(), key=lambda end: end[1][1]):
        above = [other for at, other in placed if abs(at - x) < RIGHT]
        y = max([y + 4, *(other + LINE_HEIGHT for other in above)])
        placed.append((x, y))
        words = escape(name.removeprefix(NLL))
        parts.append(
            f'<text class="name {classes[name]}" x="{x + 8:.1f}" y="{y:.1f}">{words}</text>'
        )
    return parts


def strip(before: Row | None, after: Row | None) -> str:
    """A strip with two accuracies and their intervals on a scale from 0 to 1."""
    parts = [f'<line class="grid" x1="0" x2="{STRIP_WIDTH}" y1="13" y2="13"/>']
    for phase, row, y in (("before", before, 7), ("after", after, 19)):
        if row is None:
            continue
        low, high = (STRIP_WIDTH * end for end in row["ci95"])
        middle = STRIP_WIDTH * row["accuracy"]
        parts.append(f'<line class="{phase}" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="{phase}" cx="{middle:.1f}" cy="{y}" r="4"/>')
    label = "accuracy before and after, on a scale from 0 to 1"
    return svg("strip", STRIP_WIDTH, STRIP_HEIGHT, label, parts)


def ticks(low: float, high: float, number: int = 5, *, whole: bool = False) -> list[float]:
    """About `number` round values that enclose [low, high]; integers if `whole`."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(span / number))
    steps = [s * power for s in (1, 2, 2.5, 5, 10) if s * power >= span / number * 0.999]
    step = next((s for s in steps if float(s).is_integer()), 1.0) if whole else steps[0]
    first, last = floor(low / step), ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, max(last, first + 1) + 1)]


def _thinned(points: Sequence[Point]) -> list[Point]:
    size = ceil(len(points) / MAX_POINTS)
    spans = [points[start : start + size] for start in range(0, len(points), max(size, 1))]
    return [(span[-1][0], sum(y for _, y in span) / len(span)) for span in spans]


def _share(value: float, scale: Sequence[float]) -> float:
    return (value - scale[0]) / (scale[-1] - scale[0])


def _axis_labels(x_label: str, y_label: str) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    return (
        f'<text class="x" x="{middle}" y="{HEIGHT - 4}">{escape(x_label)}</text>'
        f'<text x="{LEFT + 6}" y="{TOP - 4}">{escape(y_label)}</text>'
    )


def svg(kind: str, width: int, height: int, label: str, parts: Sequence[str]) -> str:
    """An SVG picture with a text alternative; `label` is already escaped."""
    head = f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
    return head + "".join(parts) + "</svg>"
