"""Two systems on the same test problems, joined by problem id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mdexp.records import Generation, Phase, Vote
from mdexp.scoring.statistics import (
    Difference,
    Interval,
    McNemar,
    mcnemar,
    paired_difference,
    wilson,
)

Verdicts = dict[str, bool]  # problem id: answered correctly
BOOTSTRAP_SEED = 0


class DifferentProblems(ValueError):
    """The two systems did not answer the same problems; the text names some that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Accuracies of two systems, and the second minus the first."""

    n: int
    accuracies: tuple[float, float]
    intervals: tuple[Interval, Interval]
    difference: Difference
    mcnemar: McNemar


def verdicts(
    generations: Sequence[Generation], votes: Sequence[Vote], phase: Phase
) -> dict[str, dict[str, Verdicts]]:
    """Test verdicts by dataset and row: each thought's greedy path, and `vote`."""
    table: dict[str, dict[str, Verdicts]] = {}
    for path in generations:
        if (path.phase, path.split, path.sample) == (phase, "test", 0):
            row = table.setdefault(path.dataset, {}).setdefault(path.thought, {})
            row[path.problem_id] = path.correct
    for vote in votes:
        if (vote.phase, vote.split) == (phase, "test"):
            row = table.setdefault(vote.dataset, {}).setdefault("vote", {})
            row[vote.problem_id] = vote.correct
    return table


def compare(first: Mapping[str, bool], second: Mapping[str, bool]) -> Comparison:
    """Compare two systems problem by problem; DifferentProblems unless these are the same."""
    if odd := sorted(first.keys() ^ second.keys()):
        raise DifferentProblems(
            f"{len(first)} and {len(second)} problems, {len(odd)} of them on one side only, "
            f"such as {', '.join(odd[:3])}"
        )
    pairs = [(right, second[problem]) for problem, right in first.items()]
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    n = len(pairs)
    return Comparison(
        n=n,
        accuracies=(sum(left) / n, sum(right) / n),
        intervals=(wilson(sum(left), n), wilson(sum(right), n)),
        difference=paired_difference(left, right, seed=BOOTSTRAP_SEED),
        mcnemar=mcnemar(left, right),
    )


def after_against_before(
    generations: Sequence[Generation], votes: Sequence[Vote]
) -> dict[str, dict[str, Comparison]]:
    """What training changed, by dataset and row; only rows that both phases have."""
    before = verdicts(generations, votes, "before")
    after = verdicts(generations, votes, "after")
    return {
        dataset: {
            row: compare(before[dataset][row], seen)
            for row, seen in rows.items()
            if row in before.get(dataset, {})
        }
        for dataset, rows in after.items()
    }
