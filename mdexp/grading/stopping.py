"""Decides when a vote is settled before all of a problem's paths are written.

Adaptive-Consistency (Aggarwal et al. 2023, arXiv 2305.11860, the Beta criterion): with v and w
votes for the two leading answers, the first is the more frequent one with probability P(p > 1/2),
where p ~ Beta(v + 1, w + 1).
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

from scipy.stats import beta

from mdexp.grading.election import candidate
from mdexp.records import Generation


def is_settled(paths: Sequence[Generation], left: int, confidence: float) -> bool:
    """Whether the majority of `paths` is settled while `left` more are to come.

    It is if these cannot change the leading answer, or if its probability to lead is at least
    `confidence`. With a confidence of 1 it therefore elects what all paths would.
    """
    cast = Counter(key for path in paths if (key := candidate(path)) is not None)
    return _settles(cast, left, confidence)


def settled_at(paths: Sequence[Generation], confidences: Sequence[float]) -> list[int]:
    """The number of the sample after which the vote is settled, for each confidence; the last
    sample if it never is. `paths` are those of all thoughts."""
    cast: Counter[str] = Counter()
    found: dict[float, int] = {}
    left, last = len(paths), 0
    for last, sample in groupby(sorted(paths, key=lambda g: g.sample), lambda g: g.sample):
        keys = [candidate(path) for path in sample]
        cast.update(key for key in keys if key is not None)
        left -= len(keys)
        for confidence in confidences:
            if confidence not in found and _settles(cast, left, confidence):
                found[confidence] = last
    return [found.get(confidence, last) for confidence in confidences]


def _settles(cast: Counter[str], left: int, confidence: float) -> bool:
    """Whether the votes by answer are settled with `left` paths to come."""
    first, second = [*(votes for _, votes in cast.most_common(2)), 0, 0][:2]
    return first - second > left or chance_to_lead(first, second) >= confidence


@lru_cache  # votes are few, and the same ones come again and again
def chance_to_lead(votes: int, other_votes: int) -> float:
    """The probability that an answer is the more frequent one of two, given their votes."""
    return float(beta.sf(0.5, votes + 1, other_votes + 1))
