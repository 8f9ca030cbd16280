"""How far an accuracy can be trusted, and whether two of them differ.

The interval of a proportion is Wilson's (1927), that of any other mean over problems the
bias-corrected and accelerated bootstrap (BCa, Efron 1987), both at 95 %. Where all problems have
the same value no resample differs, and Wilson's interval of none in n stands in. Two systems that
answered the same problems are compared on those problems: by McNemar's test (1947), exact, which
for several seeds becomes the exact sign-flip test over problems (clusters.py). `holm` corrects a
whole table.
"""

from collections.abc import Sequence
from math import comb, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NORMAL = NormalDist()
Z95 = NORMAL.inv_cdf(0.975)
RESAMPLES = 10_000
CHUNK = 500  # resamples that are held in memory at a time
ROUNDING = 1e-12  # differences of means that floating point alone may make


class Interval(NamedTuple):
    low: float
    high: float


class McNemar(NamedTuple):
    """Problems that one system alone solved, and how likely such a split is if both are equal."""

    only_first: int  # b
    only_second: int  # c
    p: float


class Difference(NamedTuple):
    """Accuracy of the second minus accuracy of the first, with its 95 % interval."""

    mean: float
    ci95: Interval


def wilson(num_correct: int, n: int) -> Interval:
    """95 % interval of a proportion, within [0, 1] also for few problems or none solved."""
    if not 0 <= num_correct <= n or n == 0:
        raise ValueError(f"need 0 <= correct <= n and n > 0, got correct={num_correct}, n={n}")
    rate, shrink = num_correct / n, 1 + Z95**2 / n
    centre = (rate + Z95**2 / (2 * n)) / shrink
    half = Z95 / shrink * sqrt(rate * (1 - rate) / n + Z95**2 / (4 * n**2))
    # The ends at 0 and 1 are exact; floating point would leave 1e-17 there.
    low = 0.0 if num_correct == 0 else centre - half
    high = 1.0 if num_correct == n else centre + half
    return Interval(low, high)


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> McNemar:
    """Exact two-sided test on the problems where just one of two systems is right."""
    only_first, only_second = _discordant(first, second)
    n = only_first + only_second
    tail = sum(comb(n, k) for k in range(min(only_first, only_second) + 1))
    return McNemar(only_first, only_second, min(1.0, 2 * tail / 2**n))


def paired_difference(first: Sequence[bool], second: Sequence[bool], *, seed: int) -> Difference:
    """Difference of two accuracies, with the BCa bootstrap over problems."""
    only_first, only_second = _discordant(first, second)
    n = len(first)
    if n == 0:
        raise ValueError("no problems to compare")
    # A pair differs by -1, 0 or 1, so drawing n problems anew is one multinomial draw.
    rates = [only_first / n, only_second / n, (n - only_first - only_second) / n]
    draws = np.random.default_rng(seed).multinomial(n, rates, size=RESAMPLES)
    deltas = np.repeat([-1.0, 1.0, 0.0], [only_first, only_second, n - only_first - only_second])
    means = (draws[:, 1] - draws[:, 0]) / n
    return Difference((only_second - only_first) / n, adjusted(means, deltas, least=-1.0))


def bca(values: NDArray[np.float64], *, seed: int, least: float = 0.0) -> Interval:
    """BCa interval of the mean of one value per problem, each from `least` (0 of a share, -1 of a
    difference of shares) to 1."""
    source, n = np.random.default_rng(seed), len(values)
    if n == 0:
        raise ValueError("no problems to resample")
    means = [
        values[source.integers(n, size=(CHUNK, n))].mean(axis=1) for _ in range(RESAMPLES // CHUNK)
    ]
    return adjusted(np.concatenate(means), values, least=least)


def unvaried(value: float, n: int, *, least: float) -> Interval:
    """Interval of a mean of n equal values: off by what Wilson's of none in n leaves open.

    Of shares 0 or 1 that is Wilson's own interval; of a difference without a discordant pair, the
    same to both sides.
    """
    room = wilson(0, n).high
    return Interval(max(least, value - room), min(1.0, value + room))


def adjusted(means: NDArray[np.float64], values: NDArray[np.float64], *, least: float) -> Interval:
    """The quantiles of resampled means that BCa takes; `values` are one per problem.

    Of a mean the jackknife has a closed form: the acceleration is a sixth of the standard error's
    skewness.
    """
    mean = values.mean()
    spread = values - mean
    if np.ptp(values) <= ROUNDING:
        return unvaried(float(mean), len(values), least=least)
    # Rounding must not decide on which side of the mean an equal one lies.
    below, equal = means < mean - ROUNDING, np.abs(means - mean) <= ROUNDING
    smaller = float(below.mean() + equal.mean() / 2)
    bias = NORMAL.inv_cdf(min(max(smaller, 1 / RESAMPLES), 1 - 1 / RESAMPLES))
    acceleration = float((spread**3).sum() / (6 * (spread**2).sum() ** 1.5))
    ends = [bias - Z95, bias + Z95]
    taken = [NORMAL.cdf(bias + end / (1 - acceleration * end)) for end in ends]
    low, high = np.quantile(means, taken)
    return Interval(float(low), float(high))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): each p as it stands among all that were computed."""
    adjusted_p, worst = [1.0] * len(p_values), 0.0
    by_size = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, index in enumerate(by_size):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted_p[index] = worst
    return adjusted_p


def _discordant(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int]:
    pairs = list(zip(first, second, strict=True))
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
