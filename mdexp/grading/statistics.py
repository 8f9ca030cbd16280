"""Intervals of accuracies, and tests of whether two of them differ.

The interval of a proportion is Wilson's (1927); that of any other mean over problems is the
bias-corrected and accelerated bootstrap (BCa, Efron 1987). Both are at 95 %. If all problems have
the same value, no resample differs, and Wilson's interval for 0 of n is used instead. Two systems
that answered the same problems are compared by McNemar's exact test (1947), which for several seeds
becomes the exact sign-flip test over problems (clusters.py). `holm` corrects the p values of a
table.
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
CHUNK = 500  # resamples held in memory at a time
ROUNDING = 1e-12  # differences of means below this are rounding errors


class Interval(NamedTuple):
    low: float
    high: float


class McNemar(NamedTuple):
    """The numbers of problems that only one system solved, and the p of such a split."""

    only_first: int  # b
    only_second: int  # c
    p: float


class Difference(NamedTuple):
    """The accuracy of the second minus that of the first, with its 95 % interval."""

    mean: float
    ci95: Interval


def wilson(num_correct: int, n: int) -> Interval:
    """Wilson's 95 % interval of a proportion, which stays within [0, 1] even for few problems or
    none solved."""
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
    """The exact two-sided test on the problems that only one of two systems solves."""
    only_first, only_second = _discordant(first, second)
    n = only_first + only_second
    tail = sum(comb(n, k) for k in range(min(only_first, only_second) + 1))
    return McNemar(only_first, only_second, min(1.0, 2 * tail / 2**n))


def paired_difference(first: Sequence[bool], second: Sequence[bool], *, seed: int) -> Difference:
    """The difference of two accuracies, with its interval by the BCa bootstrap over problems."""
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
    """The BCa interval of a mean of one value per problem, each between `least` (0 for a share, -1
    for a difference of shares) and 1."""
    source, n = np.random.default_rng(seed), len(values)
    if n == 0:
        raise ValueError("no problems to resample")
    means = [
        values[source.integers(n, size=(CHUNK, n))].mean(axis=1) for _ in range(RESAMPLES // CHUNK)
    ]
    return adjusted(np.concatenate(means), values, least=least)


def ratio_bca(
    top: NDArray[np.float64],
    bottom: NDArray[np.float64],
    *,
    seed: int,
    less: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Interval | None:
    """The BCa interval of mean(top) / mean(bottom), each with one value per problem and bottom
    above 0, minus the ratio of the pair `less` over the same problems. The acceleration is that of
    each problem's influence (the infinitesimal jackknife). None if no resample can differ."""
    signed = [(top, bottom, 1.0)] + ([(*less, -1.0)] if less else [])
    ratios = [sign * t.mean() / b.mean() for t, b, sign in signed]
    values = sum(
        r + (sign * t - r * b) / b.mean() for r, (t, b, sign) in zip(ratios, signed, strict=True)
    )
    if np.ptp(values) <= ROUNDING:
        return None
    source, n = np.random.default_rng(seed), len(top)
    drawn = (source.integers(n, size=(CHUNK, n)) for _ in range(RESAMPLES // CHUNK))
    resampled = [
        sum(sign * t[of].mean(axis=1) / b[of].mean(axis=1) for t, b, sign in signed) for of in drawn
    ]
    return adjusted(np.concatenate(resampled), values, least=-np.inf)


def unvaried(value: float, n: int, *, least: float) -> Interval:
    """The interval of a mean of n equal values, as wide as Wilson's for 0 of n.

    For a share of 0 or 1 that is Wilson's own interval; for a difference without a discordant pair
    it extends equally to both sides.
    """
    room = wilson(0, n).high
    return Interval(max(least, value - room), min(1.0, value + room))


def adjusted(means: NDArray[np.float64], values: NDArray[np.float64], *, least: float) -> Interval:
    """The quantiles of resampled means that BCa uses; `values` has one per problem.

    For a mean, the jackknife has a closed form: the acceleration is a sixth of the standard error's
    skewness.
    """
    mean = values.mean()
    spread = values - mean
    if np.ptp(values) <= ROUNDING:
        return unvaried(float(mean), len(values), least=least)
    # Rounding must not decide on which side of the mean an equal value lies.
    below, equal = means < mean - ROUNDING, np.abs(means - mean) <= ROUNDING
    smaller = float(below.mean() + equal.mean() / 2)
    bias = NORMAL.inv_cdf(min(max(smaller, 1 / RESAMPLES), 1 - 1 / RESAMPLES))
    acceleration = float((spread**3).sum() / (6 * (spread**2).sum() ** 1.5))
    ends = [bias - Z95, bias + Z95]
    taken = [NORMAL.cdf(bias + end / (1 - acceleration * end)) for end in ends]
    low, high = np.quantile(means, taken)
    return Interval(float(low), float(high))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): each p corrected for all of them."""
    adjusted_p, worst = [1.0] * len(p_values), 0.0
    by_size = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, index in enumerate(by_size):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted_p[index] = worst
    return adjusted_p


def _discordant(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int]:
    pairs = list(zip(first, second, strict=True))
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
