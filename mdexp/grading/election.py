"""Which answer wins and whether it is right, for one vote (vote.py) and thousands (curves.py).

Answers are grouped by `answers.canonical`, so 29, "29.0" and "$29" are one candidate; a path
without an answer abstains. The heaviest answer wins, of equal ones that of the first path. Paths
with the same answer may be judged apart (18.0000001 is 18 here, not for dss): the winner is right
if more than half of its paths are, so that the verdict does not depend on which path came first.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mdexp.answers import canonical
from mdexp.records import Generation

EQUAL = 1e-9  # relative difference below which two weights tie: floating-point sums differ by 1e-16

Chosen = NDArray[np.bool_]  # subsets x paths: whether a path is in a subset
Weights = NDArray[np.float32] | NDArray[np.float64]  # subsets x paths: of each path's answer


class Booth(NamedTuple):
    """A problem's paths, the most trusted thought first and within a thought by sample."""

    same: NDArray[np.float32]  # paths x paths: 1 where both have the same answer
    right: NDArray[np.bool_]


def candidate(path: Generation) -> str | None:
    """The answer that a path votes for, as a canonical key; None where it abstains."""
    return canonical(path.answer) if path.status == "ok" else None


def booth(paths: Sequence[Generation]) -> Booth:
    """What a vote has to know of paths, which are ranked."""
    keys = [candidate(path) for path in paths]
    return Booth(
        same=np.array([[a is not None and a == b for b in keys] for a in keys], dtype=np.float32),
        right=np.array([path.correct for path in paths]),
    )


def paths_with_answer(found: Booth, chosen: Chosen) -> Weights:
    """The weights of a majority: how many chosen paths have each path's answer; 0 if not chosen."""
    return (chosen.astype(np.float32) @ found.same) * chosen


def heaviest(weights: Weights) -> Chosen:
    """The paths whose answer has the most weight in its subset: the first wins, others tie."""
    return weights >= weights.max(axis=1, keepdims=True) * (1 - EQUAL)


def right(found: Booth, chosen: Chosen, winners: Chosen) -> NDArray[np.bool_]:
    """Of each subset whether more than half of the chosen paths with the winning answer are right;
    False where no path has an answer."""
    alike = found.same[winners.argmax(axis=1)] * chosen
    return 2 * (alike @ found.right.astype(np.float32)) > alike.sum(axis=1)
