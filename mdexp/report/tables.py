"""Result rows as every output shows them: terminal, report.md, report.html, compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mdexp.grading.pairing import Comparison, after_against_before
from mdexp.grading.score import Metrics, Row
from mdexp.records import Generation, Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One thought or vote on one dataset, before and after training."""

    dataset: str
    key: str  # in the metrics
    name: str  # for people
    before: Row | None
    after: Row | None
    change: Comparison | None = None
    shots: tuple[int, ...] = ()  # exemplars in the prompts of `before`


def results(
    metrics: Metrics, generations: Sequence[Generation] = (), votes: Sequence[Vote] = ()
) -> list[ResultRow]:
    """All rows, test before validation; with generations also what training changed."""
    changes = after_against_before(generations, votes)
    shots: dict[tuple[str, str], set[int]] = {}
    for path in generations:
        if path.phase == "before" and path.split == "test":
            shots.setdefault((path.dataset, path.thought), set()).add(path.num_shots)
    return [
        ResultRow(
            dataset=dataset,
            key=key,
            name=name,
            before=phases.get("before", {}).get(key),
            after=phases.get("after", {}).get(key),
            change=changes.get(dataset, {}).get(key),
            shots=tuple(sorted(shots.get((dataset, key), ()))),
        )
        for dataset, phases in metrics.items()
        for key, name in row_names(phases).items()
    ]


def row_names(phases: Mapping[str, Mapping[str, Row]]) -> dict[str, str]:
    """How the rows of a dataset are called. Two paths cannot outvote each other: a `tie-break`."""
    keys = dict.fromkeys(key for rows in phases.values() for key in rows)
    names = {}
    for key in sorted(keys, key=lambda key: key == "vote"):  # the run's vote after all others
        rows = [phase[key] for phase in phases.values() if key in phase]
        num_paths = max(row["num_paths"] for row in rows)
        if key != "vote":
            names[key] = f"{key} of {num_paths}" if num_paths > 1 else key
        elif num_paths > 1:
            names[key] = _vote_name(rows[0]["rule"], num_paths)
    return names


def _vote_name(rule: str, num_paths: int) -> str:
    """`vote of 8`, `tie-break`, `cascade`, `agreement of 8`, `vote by likelihood of 8`."""
    if rule.startswith("cascade"):
        return "cascade"
    if rule.startswith("agreement"):
        return f"agreement of {num_paths}"
    if rule.startswith("majority by "):
        return f"vote by {rule.split()[2].rstrip(',')} of {num_paths}"
    tie_break = num_paths == 2 and rule.startswith("majority")
    return "tie-break" if tie_break else f"vote of {num_paths}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def interval_text(ends: Sequence[float]) -> str:
    low, high = ends
    return f"{100 * low:.1f} to {100 * high:.1f}"


def points_text(ends: Sequence[float]) -> str:
    """A difference's interval in percentage points."""
    low, high = ends
    return f"{100 * low:+.1f} to {100 * high:+.1f}"


def p_value(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"
