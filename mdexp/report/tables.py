"""Result rows as every output shows them: terminal, report.md, report.html, compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mdexp.grading.pairing import Comparison, after_against_before
from mdexp.grading.score import Metrics, Row
from mdexp.records import Generation, Vote
from mdexp.records.row_names import row_names
from mdexp.report.answer_tokens import Tokens


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
    tokens: tuple[float | None, float | None] = (None, None)  # written per answer, before and after


def results(
    metrics: Metrics,
    generations: Sequence[Generation] = (),
    votes: Sequence[Vote] = (),
    tokens: Tokens = MappingProxyType({}),
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
            tokens=(tokens.get((dataset, "before", key)), tokens.get((dataset, "after", key))),
        )
        for dataset, phases in metrics.items()
        for key, name in row_names(phases).items()
    ]


def tokens_text(tokens: Sequence[float | None], between: str = " : ") -> str:
    """Tokens per answer before and after; empty where neither is known."""
    if all(number is None for number in tokens):
        return ""
    return between.join("–" if number is None else f"{number:.0f}" for number in tokens)


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
