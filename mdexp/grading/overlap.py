"""Counts which problems only some thoughts solve, and how votes came to their answers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations
from typing import TypedDict

from mdexp.grading.shares import Share, share
from mdexp.grading.statistics import wilson
from mdexp.records import Generation, Vote


class SolvedSet(TypedDict):
    """The problems that exactly these thoughts solve, and on how many of them the vote was
    right."""

    n: int
    vote: int
    vote_ci95: list[float]  # Wilson, of the vote's accuracy; empty without problems
    ids: list[str]


def solved_by(
    paths: Iterable[Generation], votes: Sequence[Vote], thoughts: Sequence[str]
) -> dict[str, SolvedSet]:
    """Problems by the set of thoughts whose greedy path solves them: `cot only`, `both`, ...

    A mix can gain the problems that only one thought solves, and loses those on which the vote is
    wrong nevertheless. Empty unless there are two thoughts.
    """
    greedy = [(p.thought, p.problem_id, p.correct) for p in paths if p.sample == 0]
    return _sets(greedy, votes, thoughts)


def solved_by_votes(votes: Sequence[Vote], thoughts: Sequence[str]) -> dict[str, SolvedSet]:
    """The same for the answers that each thought's sampled paths elect alone, which are what the
    vote mixes; empty unless two thoughts have several sampled paths."""
    rows = {f"{thought} vote": thought for thought in thoughts}
    own = [(rows[v.row], v.problem_id, v.correct) for v in votes if v.row in rows]
    return _sets(own, votes, thoughts)


def _sets(
    verdicts: Sequence[tuple[str, str, bool]], votes: Sequence[Vote], thoughts: Sequence[str]
) -> dict[str, SolvedSet]:
    """From (thought, problem, right) to the sets of thoughts that solve a problem."""
    asked = [name for name in thoughts if any(thought == name for thought, _, _ in verdicts)]
    if len(asked) < 2:
        return {}
    solvers: dict[str, set[str]] = {problem: set() for _, problem, _ in verdicts}
    for thought, problem, right in verdicts:
        if right:
            solvers[problem].add(thought)
    won = {vote.problem_id for vote in votes if vote.correct and vote.row == "vote"}
    return {
        _name(subset, asked): _solved([p for p, by in solvers.items() if by == {*subset}], won)
        for subset in _subsets(asked)
    }


def _solved(problems: list[str], won: AbstractSet[str]) -> SolvedSet:
    n, vote = len(problems), sum(problem in won for problem in problems)
    ends = list(wilson(vote, n)) if n else []
    return SolvedSet(n=n, vote=vote, vote_ci95=ends, ids=problems)


def decisions(votes: Iterable[Vote]) -> dict[str, Share]:
    """How the run's votes were decided (records.Vote.decided), the most frequent way first, and how
    many of them were right."""
    ours = [vote for vote in votes if vote.row == "vote"]
    right = Counter(vote.decided for vote in ours if vote.correct)
    ways = Counter(vote.decided for vote in ours).most_common()
    return {way: share(right[way], n) for way, n in ways}


def _subsets(thoughts: Sequence[str]) -> list[tuple[str, ...]]:
    sizes = [*range(1, len(thoughts) + 1), 0]
    return [subset for size in sizes for subset in combinations(thoughts, size)]


def _name(subset: Sequence[str], thoughts: Sequence[str]) -> str:
    if not subset:
        return "none"
    if len(subset) == len(thoughts):
        return "both" if len(thoughts) == 2 else "all"
    return f"{subset[0]} only" if len(subset) == 1 else " + ".join(subset)
