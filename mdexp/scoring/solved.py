"""Who solves what the others do not, and how the vote came to its answers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TypedDict

from mdexp.records import Generation, Vote


class SolvedSet(TypedDict):
    """Problems that just these thoughts solve, and on how many of them the vote was right."""

    n: int
    vote: int


class Decision(TypedDict):
    """Votes that came about in one way (records.Vote.decided), and how many of them were right."""

    n: int
    correct: int


def solved_by(
    paths: Sequence[Generation], votes: Sequence[Vote], thoughts: Sequence[str]
) -> dict[str, SolvedSet]:
    """Problems by the set of thoughts whose greedy path solves them: `cot only`, `both`, ...

    What a mix can gain lies in the problems that one thought alone solves, and what it loses in
    those where the vote is wrong nevertheless. Empty unless there are two thoughts.
    """
    greedy = [path for path in paths if path.sample == 0]
    asked = [thought for thought in thoughts if any(path.thought == thought for path in greedy)]
    if len(asked) < 2:
        return {}
    solvers: dict[str, set[str]] = {path.problem_id: set() for path in greedy}
    for path in greedy:
        if path.correct:
            solvers[path.problem_id].add(path.thought)
    right = {vote.problem_id for vote in votes if vote.correct and vote.row == "vote"}
    table = {_name(subset, asked): SolvedSet(n=0, vote=0) for subset in _subsets(asked)}
    for problem, solving in solvers.items():
        cell = table[_name([thought for thought in asked if thought in solving], asked)]
        cell["n"] += 1
        cell["vote"] += problem in right
    return table


def decisions(votes: Iterable[Vote]) -> dict[str, Decision]:
    """How the run's votes came about, the most frequent way first."""
    ours = [vote for vote in votes if vote.row == "vote"]
    right = Counter(vote.decided for vote in ours if vote.correct)
    ways = Counter(vote.decided for vote in ours).most_common()
    return {way: Decision(n=n, correct=right[way]) for way, n in ways}


def _subsets(thoughts: Sequence[str]) -> list[tuple[str, ...]]:
    sizes = [*range(1, len(thoughts) + 1), 0]
    return [subset for size in sizes for subset in combinations(thoughts, size)]


def _name(subset: Sequence[str], thoughts: Sequence[str]) -> str:
    if not subset:
        return "none"
    if len(subset) == len(thoughts):
        return "both" if len(thoughts) == 2 else "all"
    return f"{subset[0]} only" if len(subset) == 1 else " + ".join(subset)
