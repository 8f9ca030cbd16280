"""A chart of accuracy by tokens per problem."""

from collections.abc import Mapping, Sequence
from html import escape

from mdexp.grading.token_curves import BY_RULE, TokenCurves, TokenPoint
from mdexp.report.charts import HEIGHT, WIDTH, Axes, Point, end_names, svg, ticks

TOKEN_NOTE = (
    "Tokens are those that the student writes in the paths of a vote, as a mean over problems; a "
    "vote by the run's scorer also counts the texts that the scorer reads. Each row is what a run "
    "with so many samples, or with decoding=stopping, would have written and elected. Stopping "
    "ends when the leading answer of all thoughts stays ahead with that confidence. Interval: "
    "Wilson, 95 %. p: exact McNemar test against the majority of all paths, not corrected for the "
    "number of rows."
)


def token_chart(curves: TokenCurves, classes: Mapping[str, str]) -> str:
    """A line for each way to answer, with a dot for each number of samples or confidence."""
    points = [point for line in curves.values() for point in line]
    axes = Axes(
        ticks(0, max(point["tokens"] for point in points), whole=True),
        ticks(0, min(100.0, 100 * max(point["accuracy"] for point in points))),
    )
    parts = [axes.svg("tokens per problem", "% right")]
    parts += [_line(axes, classes[name], name, line) for name, line in curves.items()]
    short = {name: name.removeprefix(BY_RULE) for name in curves}
    ends = {short[name]: axes.place(_at(line[-1])) for name, line in curves.items()}
    label = f"Accuracy by tokens per problem for {', '.join(curves)}; the table below has it"
    names = end_names(ends, {short[name]: classes[name] for name in curves})
    return svg("chart", WIDTH, HEIGHT, escape(label), [*parts, *names])


def _at(point: TokenPoint) -> Point:
    return point["tokens"], 100 * point["accuracy"]


def _line(axes: Axes, kind: str, name: str, line: Sequence[TokenPoint]) -> str:
    parts = [f'<polyline class="{kind}" points="{axes.path([_at(point) for point in line])}"/>']
    for point in line:
        low, high = (100 * end for end in point["ci95"])
        title = (
            f"{name}, {point['setting']}: {point['tokens']:.0f} tokens, "
            f"{100 * point['accuracy']:.1f} % ({low:.1f} to {high:.1f})"
        )
        parts.append(axes.dot(kind, _at(point), title))
    return "".join(parts)
