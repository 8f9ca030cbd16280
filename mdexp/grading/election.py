"""Groups equal answers and finds majorities and verdicts, for one vote (vote.py) or thousands
(curves.py).

Answers are grouped by `answers.vote_key`, so 29, "29.0" and "$29" are one candidate; a path without
an answer abstains. A grader may judge paths of one group differently (18.0000001 is 18 here, but
not for dss), so an elected answer is right if more than half of its paths are. The verdict thus
does not depend on the order of paths.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mdexp.answers import vote_key
from mdexp.records import Generation

Chosen = NDArray[np.bool_]  # subsets x paths: whether a path is in a subset


class Counts(NamedTuple):
    """Counts for the subsets of a problem's paths (subsets x paths); 0 for a path without an
    answer."""

    alike: NDArray[np.float32]  # how many paths of the subset have this path's answer
    right: NDArray[np.float32]  # how many of them are right


class Booth(NamedTuple):
    """A problem's paths, the most trusted thought first, and by sample within a thought."""

    same: NDArray[np.float32]  # paths x paths: 1 if both have the same answer
    right: NDArray[np.bool_]


def candidate(path: Generation) -> str | None:
    """The answer that a path votes for, as a canonical key; None if it abstains."""
    return vote_key(path.answer, path.match) if path.status == "ok" else None


def booth(paths: Sequence[Generation]) -> Booth:
    """The booth of ranked paths."""
    numbers: dict[str, int] = {}
    keys = [candidate(path) for path in paths]
    codes = np.array([-1 if k is None else numbers.setdefault(k, len(numbers)) for k in keys])
    same = (codes[:, np.newaxis] == codes) & (codes >= 0)
    return Booth(same.astype(np.float32), np.array([path.correct for path in paths]))


def count(found: Booth, chosen: Chosen) -> Counts:
    """Count the paths of each answer in each subset."""
    heard = chosen.astype(np.float32)
    return Counts(heard @ found.same, heard @ (found.same * found.right[:, np.newaxis]))


def majority(counts: Counts, chosen: Chosen) -> NDArray[np.intp]:
    """For each subset, the index of the elected path: the first with the most frequent answer."""
    return (counts.alike * chosen).argmax(axis=1)


def verdicts(counts: Counts, elected: NDArray[np.intp]) -> NDArray[np.bool_]:
    """For each subset, whether the elected path's answer is right; False if no path has an
    answer."""
    each = np.arange(len(elected)), elected
    return 2 * counts.right[each] > counts.alike[each]
