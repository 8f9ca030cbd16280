"""How well texts suit a student before it is trained: length, surprisal and rank-surprisal ratio.

The rank-surprisal ratio (RSR) of a text is the sum over its tokens of min(rank, 100), divided by
the sum of their negative log-likelihoods (Yang et al., ACL 2026, arXiv 2601.14249; rank 1 is the
likeliest token). That of a file is the mean over texts of the mean rank, divided by the mean over
texts of the mean NLL, as the authors' code computes it (github.com/UmeanNever/RankSurprisalRatio,
`compute_sample_metrics`). Low is good: unlikely, yet not far from what the student would write.
Ours: the end of the text counts as a token, since the student is trained on it; several texts of a
problem count as their mean; and the intervals, which resample problems.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdexp.grading.statistics import Interval, ratio_bca
from mdexp.records import TextScore

MOST_RANK = 100  # paper: r_max
BOOTSTRAP_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioEstimate:
    """A mean over problems or a ratio of two, with its 95 % interval (BCa over problems); None if
    all problems have one value."""

    value: float
    ci95: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suitability:
    num_texts: int
    tokens: RatioEstimate  # of a text
    nll_per_token: RatioEstimate  # nats
    nll_per_text: RatioEstimate  # nats
    rsr: RatioEstimate
    rsr_difference: RatioEstimate | None  # minus that of the first row, over the same problems


def suitability(
    texts: Sequence[TextScore],
    problems: Sequence[str],
    first: Sequence[TextScore] | None = None,
) -> Suitability:
    """The figures of one row, over `problems`, each of which has a text; `first` are the texts of
    the row that it is compared with."""
    tokens, nll, nll_per_token, rank_per_token = _by_problem(texts, problems)
    one = np.ones(len(problems))
    ratio = rank_per_token, nll_per_token
    difference = None
    if first is not None:
        _, _, first_nll, first_rank = _by_problem(first, problems)
        difference = _estimate(*ratio, less=(first_rank, first_nll))
    return Suitability(
        num_texts=len(texts),
        tokens=_estimate(tokens, one),
        nll_per_token=_estimate(nll_per_token, one),
        nll_per_text=_estimate(nll, one),
        rsr=_estimate(*ratio),
        rsr_difference=difference,
    )


def _by_problem(texts: Sequence[TextScore], problems: Sequence[str]) -> NDArray[np.float64]:
    """Tokens, NLL, NLL a token and rank a token: (4, problems), each the mean over its texts."""
    found = defaultdict(list)
    for text in texts:
        n = text.num_tokens
        found[text.problem_id].append((n, text.nll, text.nll / n, text.rank / n))
    return np.array([np.mean(found[problem], axis=0) for problem in problems]).T


Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


def _estimate(
    top: NDArray[np.float64], bottom: NDArray[np.float64], less: Pair | None = None
) -> RatioEstimate:
    value = top.mean() / bottom.mean() - (less[0].mean() / less[1].mean() if less else 0.0)
    ends = ratio_bca(top, bottom, less=less, seed=BOOTSTRAP_SEED)
    return RatioEstimate(value=float(value), ci95=ends)
