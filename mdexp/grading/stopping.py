"""Decides when a vote is settled before all of a problem's paths are written.

Adaptive-Consistency (Aggarwal et al. 2023, arXiv 2305.11860, the Beta criterion): with v and w
votes for the two leading answers, the first is the more frequent one with probability P(p > 1/2),
where p ~ Beta(v + 1, w + 1).
"""

from collections.abc import Sequence

from scipy.stats import beta

from mdexp.grading.election import candidate
from mdexp.records import Generation


def is_settled(paths: Sequence[Generation], left: int, confidence: float) -> bool:
    """Whether the majority of `paths` is settled while `left` more are to come.

    It is if these cannot change the leading answer, or if its probability to lead is at least
    `confidence`. With a confidence of 1 it therefore elects what all paths would.
    """
    cast = [key for path in paths if (key := candidate(path)) is not None]
    first, second = sorted([*map(cast.count, set(cast)), 0, 0], reverse=True)[:2]
    return first - second > left or chance_to_lead(first, second) >= confidence


def chance_to_lead(votes: int, other_votes: int) -> float:
    """The probability that an answer is the more frequent one of two, given their votes."""
    return float(beta.sf(0.5, votes + 1, other_votes + 1))
