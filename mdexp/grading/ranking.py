"""Measures how well a score ranks the right paths of a problem above its wrong ones.

It is measured within problems, since paths are chosen within a problem: a score that only separates
easy from hard problems has an AUC above 0.5 over all paths, but cannot choose a path.
"""

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Group = TypeVar("Group", bound=Hashable)


def auc(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """Share of the pairs of a right and a wrong path in which the right one scores higher, an equal
    score counting half; None without any pair."""
    values, is_right = np.asarray(scores, dtype=float), np.asarray(right, dtype=bool)
    if is_right.all() or not is_right.any():
        return None
    difference = values[is_right][:, np.newaxis] - values[~is_right]
    return float(((difference > 0) + (difference == 0) / 2).mean())


def auc_by_group(
    groups: Sequence[Group], scores: Sequence[float], right: Sequence[bool]
) -> dict[Group, float]:
    """The AUC within each group that has both right and wrong paths."""
    members: dict[Group, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    found = {
        group: auc([scores[n] for n in places], [right[n] for n in places])
        for group, places in members.items()
    }
    return {group: value for group, value in found.items() if value is not None}


def mean(values: Sequence[float]) -> float:
    """The mean; 0.5, the value of chance, if there are none."""
    known: NDArray[np.float64] = np.asarray(list(values), dtype=float)
    return float(known.mean()) if len(known) else 0.5
