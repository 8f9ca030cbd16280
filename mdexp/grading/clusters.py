"""Compares two groups of runs that differ only in their seeds, on the same problems.

The answers of several seeds to one problem are not independent, so a problem is a cluster. The test
flips the sign of a problem's summed difference, all seeds at once; with one seed on each side it is
McNemar's exact test. It generalises to new problems, not to new seeds. The interval resamples
problems and seeds (Owen 2007, the pigeonhole bootstrap), so it covers both. The seeds of two groups
of runs are drawn independently. Where both groups are answers of the same runs, the same seeds are
drawn for both, since a good student raises both accuracies. With fewer than five seeds the interval
is too narrow if seeds differ much. In a simulation of independent groups with two and three seeds,
a nominal 95 % interval covered 98 and 99 % if seeds had equal accuracy, 90 and 94 % if accuracy
varied by 6 points (standard deviation), and 77 and 83 % if by 10.
"""

from math import lcm

import numpy as np
from numpy.typing import NDArray

from mdexp.grading.statistics import RESAMPLES, Difference, Interval

Verdicts = NDArray[np.bool_]  # correct answers, seeds x problems


def sign_flip(first: Verdicts, second: Verdicts) -> float:
    """The exact two-sided p of no difference, over all sign flips of the problems' differences."""
    scale = lcm(len(first), len(second))
    deltas = second.sum(0) * (scale // len(second)) - first.sum(0) * (scale // len(first))
    sizes = np.abs(deltas[deltas != 0]).astype(int)
    total = int(sizes.sum())
    chances = np.zeros(2 * total + 1)  # sign patterns by sum, from -total to total
    chances[total] = 1.0
    for size in sizes:
        chances = (np.roll(chances, size) + np.roll(chances, -size)) / 2
    seen = abs(int(deltas.sum()))
    if seen == 0:
        return 1.0
    return min(1.0, float(chances[: total - seen + 1].sum() + chances[total + seen :].sum()))


def difference(first: Verdicts, second: Verdicts, *, same_students: bool, seed: int) -> Difference:
    """Mean accuracy of the second group minus that of the first, with its percentile interval.
    `same_students`: row k of both is of the same student, as for two of its votes."""
    source = np.random.default_rng(seed)
    num_problems = first.shape[1]
    if num_problems == 0:
        raise ValueError("no problems to compare")
    drawn = np.empty(RESAMPLES)
    for k in range(RESAMPLES):
        problems = _again(num_problems, source)
        seeds = _again(len(second), source)
        others = seeds if same_students else _again(len(first), source)
        drawn[k] = second[seeds][:, problems].mean() - first[others][:, problems].mean()
    return Difference(float(second.mean() - first.mean()), _ends(drawn))


def cluster_interval(group: Verdicts, *, seed: int) -> Interval:
    """The interval of a group's mean accuracy, resampled in the same way."""
    source, num_problems = np.random.default_rng(seed), group.shape[1]
    drawn = np.empty(RESAMPLES)
    for k in range(RESAMPLES):
        problems = _again(num_problems, source)
        drawn[k] = group[_again(len(group), source)][:, problems].mean()
    return _ends(drawn)


def _ends(drawn: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(low), float(high))


def _again(number: int, source: np.random.Generator) -> NDArray[np.int64]:
    """As many indices as there are, drawn with replacement."""
    return source.integers(number, size=(number,))
