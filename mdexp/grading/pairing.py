"""Compares two systems on the same test problems, joined by problem id.

A system may be a group of runs that differ only in their seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mdexp.grading import clusters
from mdexp.grading.statistics import (
    Difference,
    Interval,
    McNemar,
    mcnemar,
    paired_difference,
    wilson,
)
from mdexp.records import Generation, Phase, Vote

Verdicts = dict[str, bool]  # problem id: answered correctly
BOOTSTRAP_SEED = 0


class DifferentProblems(ValueError):
    """The two systems did not answer the same problems; the message names some that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The accuracies of two systems, and their difference (second minus first)."""

    n: int
    accuracies: tuple[float, float]
    intervals: tuple[Interval, Interval]
    difference: Difference
    mcnemar: McNemar


def paired_verdicts(
    generations: Sequence[Generation], votes: Sequence[Vote], phase: Phase
) -> dict[str, dict[str, Verdicts]]:
    """Test verdicts by dataset and row (each thought's greedy path, each vote)."""
    table: dict[str, dict[str, Verdicts]] = {}
    for path in generations:
        if (path.phase, path.split, path.sample) == (phase, "test", 0):
            row = table.setdefault(path.dataset, {}).setdefault(path.thought, {})
            row[path.problem_id] = path.correct
    for vote in votes:
        if (vote.phase, vote.split) == (phase, "test"):
            row = table.setdefault(vote.dataset, {}).setdefault(vote.row, {})
            row[vote.problem_id] = vote.correct
    return table


def compare_verdicts(first: Mapping[str, bool], second: Mapping[str, bool]) -> Comparison:
    """Compare two systems problem by problem; DifferentProblems unless they answered the same
    problems."""
    refuse_different(first, second)
    left, right = list(first.values()), [second[problem] for problem in first]
    n = len(left)
    return Comparison(
        n=n,
        accuracies=(sum(left) / n, sum(right) / n),
        intervals=(wilson(sum(left), n), wilson(sum(right), n)),
        difference=paired_difference(left, right, seed=BOOTSTRAP_SEED),
        mcnemar=mcnemar(left, right),
    )


def compare_groups(
    first: Sequence[Verdicts], second: Sequence[Verdicts], *, same_students: bool
) -> Comparison:
    """Compare two groups of seeds. `only_first` then counts the problems that the first group
    solves more often. `same_students`: both are ways to answer of the same runs, in one order."""
    if len(first) == len(second) == 1:
        return compare_verdicts(first[0], second[0])
    for run in (*first[1:], *second):
        refuse_different(first[0], run)
    left, right = (
        np.array([[run[problem] for problem in first[0]] for run in group])
        for group in (first, second)
    )
    lead = right.mean(0) - left.mean(0)
    return Comparison(
        n=left.shape[1],
        accuracies=(float(left.mean()), float(right.mean())),
        intervals=(_interval(left), _interval(right)),
        difference=clusters.difference(
            left, right, same_students=same_students, seed=BOOTSTRAP_SEED
        ),
        mcnemar=McNemar(
            int((lead < 0).sum()), int((lead > 0).sum()), clusters.sign_flip(left, right)
        ),
    )


def group_accuracy(group: Sequence[Verdicts]) -> tuple[float, Interval]:
    """The mean accuracy of a group of seeds with its interval; DifferentProblems if they answered
    different problems."""
    for run in group[1:]:
        refuse_different(group[0], run)
    verdicts = np.array([[run[problem] for problem in group[0]] for run in group])
    return float(verdicts.mean()), _interval(verdicts)


def refuse_different(first: Mapping[str, bool], second: Mapping[str, bool]) -> None:
    """DifferentProblems, naming some, unless both systems answered the same problems."""
    if odd := sorted(first.keys() ^ second.keys()):
        raise DifferentProblems(
            f"{len(first)} and {len(second)} problems, {len(odd)} of them on one side only, "
            f"such as {', '.join(odd[:3])}"
        )


def _interval(group: clusters.Verdicts) -> Interval:
    if len(group) == 1:
        return wilson(int(group.sum()), group.size)
    return clusters.cluster_interval(group, seed=BOOTSTRAP_SEED)


def after_against_before(
    generations: Sequence[Generation], votes: Sequence[Vote]
) -> dict[str, dict[str, Comparison]]:
    """The change by training, by dataset and row, for rows that both phases have."""
    before = paired_verdicts(generations, votes, "before")
    after = paired_verdicts(generations, votes, "after")
    return {
        dataset: {
            row: compare_verdicts(before[dataset][row], seen)
            for row, seen in rows.items()
            if row in before.get(dataset, {})
        }
        for dataset, rows in after.items()
    }
