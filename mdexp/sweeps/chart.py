"""Draws a curve with intervals as inline SVG; the page sets the colours of its classes (`series-0`,
...)."""

from collections.abc import Callable
from html import escape
from math import ceil

from mdexp.sweeps.curves import LETTERS, Curve, SweepPoint

# Narrow, so that text stays legible when a phone scales it down; the page has the legend.
WIDTH, HEIGHT = 440, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 16, 44
STEP = 0.1  # distance between grid lines, as a share
APART = 3  # distance between intervals at the same value, in pixels
INSET = 14  # from the axes to the first and last value, so that no interval covers a label


def chart(curve: Curve) -> str:
    """A chart in percent: lines with a bar for each 95 % interval; for several seeds, a line
    through their means with a ring for each seed."""
    points = [point for line in curve.lines.values() for point in line]
    values = sorted({point.x for point in points})
    top = max(STEP, ceil(max(point.highest for point in points) / STEP - 1e-9) * STEP)
    span = values[-1] - values[0] or 1.0

    def at(point: SweepPoint) -> float:
        return LEFT + INSET + (point.x - values[0]) / span * (WIDTH - LEFT - RIGHT - 2 * INSET)

    def height(share: float) -> float:
        return HEIGHT - BOTTOM - share / top * (HEIGHT - TOP - BOTTOM)

    parts = []
    for number in range(round(top / STEP) + 1):
        y = height(number * STEP)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="y" x="{LEFT - 8}" y="{y + 4:.1f}">{100 * number * STEP:.0f}</text>'
        )
    for value in values:
        x = at(SweepPoint(x=value, accuracy=0))
        parts.append(f'<text class="x" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}">{value:g}</text>')
    for number, line in enumerate(curve.lines.values()):
        shift = (number - (len(curve.lines) - 1) / 2) * APART
        marks = [(at(point) + shift, point) for point in line]
        path = " ".join(f"{x:.1f},{height(point.accuracy):.1f}" for x, point in marks)
        drawn = "".join(_mark(x, point, height) for x, point in marks)
        parts.append(f'<g class="series-{number}"><polyline points="{path}"/>{drawn}</g>')
    axis = escape(LETTERS.get(curve.key, curve.key))
    parts.append(f'<text class="x" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}">{axis}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text class="x" transform="translate(12 {middle}) rotate(-90)">% right</text>')
    label = escape(f"accuracy in percent: {curve.title}")
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    return head + "".join(parts) + "</svg>"


def _mark(x: float, point: SweepPoint, height: Callable[[float], float]) -> str:
    parts = [f'<circle cx="{x:.1f}" cy="{height(point.accuracy):.1f}" r="3.5"/>']
    if point.ci95:
        low, high = map(height, point.ci95)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>')
    for seed in point.seeds:
        parts.append(f'<circle class="seed" cx="{x:.1f}" cy="{height(seed):.1f}" r="3"/>')
    return "".join(parts)
