"""Draws accuracy against the number of paths: a line and its band for each thought and the mix."""

from collections.abc import Mapping, Sequence
from html import escape

from mdexp.grading import curves
from mdexp.grading.curves import Curves
from mdexp.report.charts import HEIGHT, WIDTH, Axes, Point, end_names, svg, ticks


def curve_chart(found: Curves, classes: Mapping[str, str]) -> str:
    """A chart of lines with their 95 % bands; pass@k, an upper bound of any vote, is thinner and
    has no dots."""
    points = [point for line in found["points"].values() for point in line]
    highest = max(max(point["ci95"][1], point["pass_at"]) for point in points)
    axes = Axes(
        ticks(0, max(point["paths"] for point in points), whole=True),
        ticks(0, min(100.0, 100 * highest)),
    )
    parts = [axes.svg("paths in all", "% right")]
    for name, line in found["points"].items():
        kind = classes[name]
        parts += [_band(axes, kind, line), _passes(axes, kind, line), _line(axes, kind, name, line)]
    ends = {
        name: axes.place((float(line[-1]["paths"]), 100 * line[-1]["accuracy"]))
        for name, line in found["points"].items()
    }
    label = f"Accuracy by number of paths for {', '.join(found['points'])}; the table below has it"
    return svg("chart", WIDTH, HEIGHT, escape(label), [*parts, *end_names(ends, classes)])


def _band(axes: Axes, kind: str, line: Sequence[curves.CurvePoint]) -> str:
    upper = [(float(p["paths"]), 100 * p["ci95"][1]) for p in line]
    lower = [(float(p["paths"]), 100 * p["ci95"][0]) for p in reversed(line)]
    return f'<polygon class="band {kind}" points="{axes.path([*upper, *lower])}"/>'


def _passes(axes: Axes, kind: str, line: Sequence[curves.CurvePoint]) -> str:
    ceiling = [(float(p["paths"]), 100 * p["pass_at"]) for p in line]
    return f'<polyline class="pass {kind}" points="{axes.path(ceiling)}"/>'


def _line(axes: Axes, kind: str, name: str, line: Sequence[curves.CurvePoint]) -> str:
    points: list[Point] = [(float(p["paths"]), 100 * p["accuracy"]) for p in line]
    parts = [f'<polyline class="{kind}" points="{axes.path(points)}"/>']
    for point, at in zip(line, points, strict=True):
        low, high = (100 * end for end in point["ci95"])
        title = (
            f"{name}, {point['paths']} paths: {100 * point['accuracy']:.1f} % "
            f"({low:.1f} to {high:.1f}); pass@{point['paths']} {100 * point['pass_at']:.1f} %"
        )
        parts.append(axes.dot(kind, at, title))
    return "".join(parts)
