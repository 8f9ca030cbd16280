"""When a vote is settled before all of a problem's paths are there.

Adaptive-Consistency (Aggarwal et al. 2023, arXiv 2305.11860, the Beta criterion): with v and w
votes for the two leading answers, the first is the more frequent one with chance P(p > 1/2), where
p ~ Beta(v + 1, w + 1).
"""

from collections.abc import Sequence

from scipy.stats import beta

from mdexp.grading.election import candidate
from mdexp.records import Generation


def is_settled(paths: Sequence[Generation], left: int, confidence: float) -> bool:
    """Whether the majority of `paths` needs no more of the `left` paths to come.

    It is settled where these could not change the answer that leads, and where its chance to lead
    is at least `confidence`. With a confidence of 1 it therefore elects what all paths would.
    """
    cast = [key for path in paths if (key := candidate(path)) is not None]
    first, second = sorted([*map(cast.count, set(cast)), 0, 0], reverse=True)[:2]
    return first - second > left or chance_to_lead(first, second) >= confidence


def chance_to_lead(votes: int, other_votes: int) -> float:
    """How likely an answer is the more frequent one of two, given the votes for each."""
    return float(beta.sf(0.5, votes + 1, other_votes + 1))
