"""The result table for a terminal of 80 columns; the report has the rest."""

from collections.abc import Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from mdexp.grading.score import Metrics, Row
from mdexp.records import VALIDATION, Generation, Vote
from mdexp.records.row_names import unverified
from mdexp.report.tables import ResultRow, p_value, results

NOTE = " brackets: Wilson 95 % interval; change in points; p: exact McNemar test of it"


def terminal(
    metrics: Metrics, generations: Sequence[Generation] = (), votes: Sequence[Vote] = ()
) -> Group:
    """One table per test set, to be printed with rich; given generations, also what training
    changed."""
    rows = [r for r in results(metrics, generations, votes) if not r.dataset.endswith(VALIDATION)]
    datasets = groupby(rows, key=lambda row: row.dataset)
    tables = [_table(dataset, list(group)) for dataset, group in datasets]
    notes = [f" {said}"] if (said := unverified(metrics)) else []
    return Group(*tables, NOTE, *notes)


def _table(dataset: str, rows: Sequence[ResultRow]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(dataset)
    for heading in ("n", "before, %", "after, %", "change", "p", "ties"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: ResultRow) -> list[str]:
    parts = [part for part in (row.before, row.after) if part]
    return [
        row.name,
        "/".join(str(n) for n in dict.fromkeys(part["n"] for part in parts)),
        _accuracy(row.before),
        _accuracy(row.after),
        f"{100 * row.change.difference.mean:+.1f}" if row.change else "",
        p_value(row.change.mcnemar.p) if row.change else "",
        "/".join(str(part["ties"]) for part in parts if part["num_paths"] > 1),
    ]


def _accuracy(row: Row | None) -> str:
    if row is None:
        return "-"
    low, high = row["ci95"]
    return f"{100 * row['accuracy']:.1f} ({100 * low:.1f}-{100 * high:.1f})"
