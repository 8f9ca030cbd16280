"""Draws search trees: a row for each step, with its value and the mean of the values behind it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any, NamedTuple, TypedDict

from mdexp.records import Generation, Problem
from mdexp.report.charts import svg

MOST_TREES = 6
MOST_STEPS = 60  # drawn of a tree: the best text, and those that were visited most
WIDTH, ROW, LEFT = 960, 20, 14
COLUMNS = {"draws": 740, "visits": 800, "value": 870, "mean": 940}  # where each ends
LABELS_END = 700
CHARACTER = 7.0  # width of one, of the labels
SEARCH_NOTE = (
    "Each row is a step of a text. The thick line leads to the best text; a larger dot has more "
    "visits. Draws: how often the student wrote the step there. Visits: how many values were "
    "backed up through it. Value: that of the text up to the step, 0 if its program raised. "
    f"Mean: of the values at and behind the step. At most {MOST_STEPS} steps of a tree are drawn, "
    "those with the most visits. The problems are the first ones by the SHA-256 of their ids; "
    "generations.jsonl has all trees."
)
MOST_INDENT, INDENTS = 18.0, 260.0  # of a step, of all together

Row = Mapping[str, Any]  # of decoding/search_tree.py


class DrawnTree(TypedDict):
    """The drawing of one search; `answer` and `right` are those of its best text."""

    problem: str
    thought: str
    question: str
    gold: str
    answer: str
    right: bool
    tokens: int
    steps: int
    drawn: int
    picture: str  # SVG


class LeafVerdict(NamedTuple):
    """The answer of a whole text, and whether it is right."""

    answer: str
    right: bool


def search_trees(generations: Sequence[Generation], problems: Sequence[Problem]) -> list[DrawnTree]:
    """The trees of some test problems, the first ones by the SHA-256 of their ids; none if nothing
    was searched."""
    questions = {problem.id: problem for problem in problems}
    searched = [g for g in generations if "tree" in g.trace and g.split == "test"]
    searched.sort(key=lambda g: (sha256(g.problem_id.encode()).digest(), g.thought))
    chosen = searched[:MOST_TREES]
    names = {(g.problem_id, g.thought) for g in chosen}
    verdicts: dict[tuple[str, str], dict[int, LeafVerdict]] = {name: {} for name in names}
    for g in generations:
        if (g.problem_id, g.thought) in names and "node" in g.trace:
            found = LeafVerdict("none" if g.answer is None else str(g.answer), g.correct)
            verdicts[g.problem_id, g.thought][g.trace["node"]] = found
    return [_drawn(g, questions[g.problem_id], verdicts[g.problem_id, g.thought]) for g in chosen]


def _drawn(best: Generation, problem: Problem, verdicts: Mapping[int, LeafVerdict]) -> DrawnTree:
    rows: Sequence[Row] = best.trace["tree"]
    shown = _shown(rows, best.trace["node"])
    return DrawnTree(
        problem=problem.id,
        thought=best.thought,
        question=problem.question,
        gold=str(problem.answer),
        answer=verdicts[best.trace["node"]].answer,
        right=best.correct,
        tokens=sum(best.trace["spent"].values()),
        steps=len(rows) - 1,
        drawn=len(shown),
        picture=_picture(
            rows, shown, best.trace["node"], verdicts, f"{problem.id}, {best.thought}"
        ),
    )


def _shown(rows: Sequence[Row], best: int) -> list[int]:
    """The steps to draw, without the root, in depth-first order."""
    chosen = set(_lineage(rows, best))
    for place in sorted(range(1, len(rows)), key=lambda n: (-rows[n]["visits"], n)):
        if len(chosen) < MOST_STEPS:
            chosen |= set(_lineage(rows, place))
    behind: dict[int, list[int]] = {}
    for place in sorted(chosen):
        behind.setdefault(rows[place]["parent"], []).append(place)
    order, stack = [], behind.get(0, [])[::-1]
    while stack:
        order.append(stack.pop())
        stack += behind.get(order[-1], [])[::-1]
    return order


def _lineage(rows: Sequence[Row], place: int) -> list[int]:
    """A step and its ancestors, without the root."""
    found = []
    while place:
        found.append(place)
        place = rows[place]["parent"]
    return found


def _picture(
    rows: Sequence[Row],
    shown: Sequence[int],
    best: int,
    verdicts: Mapping[int, LeafVerdict],
    name: str,
) -> str:
    depths = {0: 0}
    for place in shown:
        depths[place] = depths[rows[place]["parent"]] + 1
    indent = min(MOST_INDENT, INDENTS / max(depths.values(), default=1)) if shown else MOST_INDENT
    spots = {0: (float(LEFT), ROW / 2)}
    for number, place in enumerate(shown, start=1):
        spots[place] = LEFT + depths[place] * indent, ROW / 2 + number * ROW
    path = set(_lineage(rows, best))
    parts = [
        f'<text class="end" x="{end}" y="{ROW / 2 + 4:.0f}">{column}</text>'
        for column, end in COLUMNS.items()
    ]
    parts += [f'<circle class="step" cx="{LEFT}" cy="{ROW / 2:.0f}" r="3"/>']
    most = max((rows[place]["visits"] for place in shown), default=1) or 1
    for place in shown:
        row, verdict = rows[place], verdicts.get(place)
        (x, y), (from_x, from_y) = spots[place], spots[row["parent"]]
        kind = "step" + (" best" if place in path else "")
        parts.append(f'<path class="{kind}" d="M{from_x:.1f} {from_y:.1f}V{y:.1f}H{x:.1f}"/>')
        radius = 2.5 + 3.5 * (row["visits"] / most) ** 0.5
        parts.append(
            f'<circle class="{kind} {_class(row, verdict)}" cx="{x:.1f}" cy="{y:.1f}" '
            f'r="{radius:.1f}"/>'
        )
        parts.append(_label(row, verdict, x + 10, y + 4))
        parts += [
            f'<text class="end" x="{end}" y="{y + 4:.1f}">{_figure(row[column])}</text>'
            for column, end in COLUMNS.items()
        ]
    label = f"Search tree of {name}: {len(shown)} of {len(rows) - 1} steps"
    return svg("tree", WIDTH, ROW * (len(shown) + 1), escape(label), parts)


def _label(row: Row, verdict: LeafVerdict | None, x: float, y: float) -> str:
    said = " ".join("".join(c if c.isprintable() else " " for c in row["text"]).split())
    said = said or "(the end)"
    found = row["error"] if row["status"] in ("failed", "wrong") else ""
    if verdict and row["status"] == "whole":
        found = f"{verdict.answer}, {'right' if verdict.right else 'wrong'}"
    behind = f" → {found}" if found else ""
    room = int((LABELS_END - x) / CHARACTER)
    whole = said + behind
    kept = said[: max(8, room - min(len(behind), 30))]
    short = kept + ("…" if len(kept) < len(said) else "") + behind[:30]
    return (
        f'<text class="{_class(row, verdict)}" x="{x:.1f}" y="{y:.1f}">{escape(short)}'
        f"<title>{escape(whole)}</title></text>"
    )


def _class(row: Row, verdict: LeafVerdict | None) -> str:
    if row["status"] == "failed":
        return "wrong"
    if verdict is None or row["status"] != "whole":
        return "open"
    return "right" if verdict.right else "wrong"


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.2f}"
