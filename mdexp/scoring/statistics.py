"""How far an accuracy can be trusted, and whether two of them differ.

Intervals of one accuracy are Wilson's (1927) at 95 %. Two systems that answered the same problems
are compared on those problems: by McNemar's test (1947), exact, and by the bootstrap interval of
the difference. Neither corrects for how many comparisons are made.
"""

from collections.abc import Sequence
from math import comb, sqrt
from typing import NamedTuple

import numpy as np

Z95 = 1.959963984540054  # 97.5 % point of the standard normal distribution
RESAMPLES = 10_000


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
    """Difference of two accuracies, with the percentile bootstrap over problems."""
    only_first, only_second = _discordant(first, second)
    n = len(first)
    if n == 0:
        raise ValueError("no problems to compare")
    # A pair differs by -1, 0 or 1, so drawing n problems anew is one multinomial draw.
    rates = [only_first / n, only_second / n, (n - only_first - only_second) / n]
    draws = np.random.default_rng(seed).multinomial(n, rates, size=RESAMPLES)
    low, high = np.quantile((draws[:, 1] - draws[:, 0]) / n, [0.025, 0.975])
    return Difference((only_second - only_first) / n, Interval(float(low), float(high)))


def _discordant(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int]:
    pairs = list(zip(first, second, strict=True))
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
