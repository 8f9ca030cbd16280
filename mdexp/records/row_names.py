"""Names the rows of metrics.json for people, in every table, chart and page.

Two answers cannot outvote each other: their majority is a `tie-break`, that of eight a `vote of 8`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

UNVERIFIED = "\N{DAGGER}"  # mark of a row whose server may have had another model
RUN_VOTE = "vote"  # the key of the run's own vote; a thought's own is `cot vote`

MetricsRow = Mapping[str, Any]


def row_names(phases: Mapping[str, Mapping[str, MetricsRow]]) -> dict[str, str]:
    """The names, by key, of one dataset's rows (by phase). The run's vote comes last, and is left
    out if it counted only one answer."""
    keys = dict.fromkeys(key for rows in phases.values() for key in rows)
    names = {}
    for key in sorted(keys, key=RUN_VOTE.__eq__):
        rows = [phase[key] for phase in phases.values() if key in phase]
        if any(is_shown(key, row) for row in rows):
            names[key] = row_name(key, rows)
    return names


def is_shown(key: str, row: MetricsRow) -> bool:
    """Whether the row is shown: a vote of one answer only repeats that answer's row."""
    return key != RUN_VOTE or row["num_paths"] > 1


def row_name(key: str, rows: Iterable[MetricsRow]) -> str:
    """`cot`, `cot vote of 4`, `tie-break`, `vote of 8`, `cascade`, `agreement of 8` or `vote by
    likelihood of 8`: the name of rows with the same key, in several phases or jobs. If these have
    both votes and tie-breaks it is `vote`. The name of an unverified row ends in a mark."""
    rows = list(rows)
    mark = f" {UNVERIFIED}" if any("unverified" in row for row in rows) else ""
    return _plain_name(key, rows) + mark


def unverified(metrics: Mapping[str, Mapping[str, Mapping[str, MetricsRow]]]) -> str:
    """The meaning of the mark, if any row of metrics.json has it; else empty."""
    rows = [row for phases in metrics.values() for rows in phases.values() for row in rows.values()]
    return next((f"{UNVERIFIED}: {row['unverified']}" for row in rows if "unverified" in row), "")


def _plain_name(key: str, rows: Sequence[MetricsRow]) -> str:
    num_paths = _num_paths(rows)
    if key != RUN_VOTE:
        return f"{key} of {num_paths}" if num_paths > 1 else key
    names = dict.fromkeys(map(_elected_by, rows))
    kind = next(iter(names)) if len(names) == 1 else RUN_VOTE
    sizes = {row["num_paths"] for row in rows}
    has_size = kind not in ("tie-break", "cascade") and len(sizes) == 1
    return f"{kind} of {num_paths}" if has_size else kind


def _elected_by(row: MetricsRow) -> str:
    rule: str = row["rule"]
    if rule.startswith("cascade"):
        return "cascade"
    if rule.startswith("agreement"):
        return "agreement"
    if rule.startswith("majority by "):
        return f"vote by {rule.split()[2].rstrip(',')}"
    is_tie_break = row["num_paths"] == 2 and rule.startswith("majority")
    return "tie-break" if is_tie_break else RUN_VOTE


def _num_paths(rows: Iterable[MetricsRow]) -> int:
    return max(int(row["num_paths"]) for row in rows)
