"""Intervals and tests against published values, scipy and brute force."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap

from mdexp.grading.statistics import bca, holm, mcnemar, paired_difference, wilson


@pytest.mark.parametrize(
    ("num_correct", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_newcombe(num_correct, n, low, high):
    assert wilson(num_correct, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy_and_holds_the_proportion(counts):
    num_correct, n = counts
    low, high = wilson(num_correct, n)
    expected = binomtest(num_correct, n).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= num_correct / n <= high <= 1


@pytest.mark.parametrize(("num_correct", "n"), [(1, 0), (0, 0), (3, 2), (-1, 4)])
def test_wilson_refuses_impossible_counts(num_correct, n):
    with pytest.raises(ValueError, match=f"correct={num_correct}, n={n}"):
        wilson(num_correct, n)


def verdicts(both: int, only_first: int, only_second: int, neither: int):
    pairs = [(True, True)] * both + [(True, False)] * only_first
    pairs += [(False, True)] * only_second + [(False, False)] * neither
    return [a for a, _ in pairs], [b for _, b in pairs]


@given(*[st.integers(0, 60)] * 4)
def test_mcnemar_agrees_with_the_binomial_test_on_discordant_pairs(both, b, c, neither):
    test = mcnemar(*verdicts(both, b, c, neither))
    assert (test.only_first, test.only_second) == (b, c)
    assert test.p == pytest.approx(binomtest(b, b + c).pvalue if b + c else 1.0)


def test_mcnemar_by_enumeration():
    # Six coins: five or more alike happen in 14 of 64 throws.
    extreme = sum(max(t.count(0), t.count(1)) >= 5 for t in itertools.product((0, 1), repeat=6))
    assert mcnemar(*verdicts(3, 1, 5, 2)).p == extreme / 64 == 14 / 64


def test_mcnemar_holds_for_many_discordant_pairs():
    assert mcnemar(*verdicts(0, 1000, 1000, 0)).p == 1.0
    assert 0 < mcnemar(*verdicts(0, 900, 1100, 0)).p < 1e-4


def test_the_bootstrap_interval_agrees_with_resampling_the_problems():
    first, second = verdicts(4, 1, 3, 2)
    deltas = [b - a for a, b in zip(first, second, strict=True)]
    source = random.Random(0)
    means = sorted(sum(source.choices(deltas, k=10)) / 10 for _ in range(20_000))
    difference = paired_difference(first, second, seed=1)
    assert difference.mean == pytest.approx(0.2)
    # Means of ten problems move in steps of 0.1: the ends may differ by one step.
    assert difference.ci95 == pytest.approx((means[500], means[19_500]), abs=0.1001)


def test_the_bootstrap_interval_is_near_the_normal_one_for_many_problems():
    difference = paired_difference(*verdicts(300, 100, 160, 440), seed=0)
    half = 1.96 * (0.26 - 0.06**2) ** 0.5 / 1000**0.5
    assert difference.ci95 == pytest.approx((0.06 - half, 0.06 + half), abs=0.002)


def test_the_bootstrap_repeats_by_seed_and_changes_sign_with_the_order():
    first, second = verdicts(30, 10, 25, 35)
    once = paired_difference(first, second, seed=7)
    assert once == paired_difference(first, second, seed=7)
    assert paired_difference(second, first, seed=7).mean == -once.mean


def test_without_a_discordant_pair_the_difference_is_open_to_both_sides():
    same = [True, False, True]
    room = wilson(0, 3).high
    assert paired_difference(same, same, seed=0) == (0.0, (-room, room))
    assert mcnemar(same, same) == (0, 0, 1.0)


def test_problems_that_all_differ_alike_leave_the_difference_open_to_one_side():
    all_right, none = [True] * 8, [False] * 8
    assert paired_difference(none, all_right, seed=0).ci95 == pytest.approx(wilson(8, 8))
    low, high = wilson(8, 8)
    assert paired_difference(all_right, none, seed=0).ci95 == pytest.approx((-high, -low))


def test_different_numbers_of_problems_are_refused():
    with pytest.raises(ValueError, match="longer"):
        mcnemar([True], [True, False])
    with pytest.raises(ValueError, match="no problems to compare"):
        paired_difference([], [], seed=0)


SKEWED = np.array([0.0] * 40 + [0.1, 0.2, 0.3, 0.5, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "values",
    [SKEWED, 1 - SKEWED, np.linspace(0, 1, 30), np.random.default_rng(5).beta(0.3, 2, 25)],
    ids=["many zeros", "many ones", "even", "beta"],
)
def test_bca_agrees_with_scipy(values):
    expected = bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    assert bca(values, seed=0) == pytest.approx((expected.low, expected.high), abs=0.006)


def test_bca_leans_to_the_long_tail_where_percentiles_do_not():
    low, high = bca(SKEWED, seed=0)
    middle = SKEWED.mean()
    assert high - middle > 1.25 * (middle - low)


@pytest.mark.parametrize("n", [1, 4, 150])
def test_of_equal_shares_the_interval_is_wilsons(n):
    assert bca(np.zeros(n), seed=0) == pytest.approx(wilson(0, n))
    assert bca(np.ones(n), seed=0) == pytest.approx(wilson(n, n))
    low, high = bca(np.full(n, 0.5), seed=0)
    assert 0 <= low < 0.5 < high <= 1
    assert bca(np.zeros(n), seed=0, least=-1.0) == (-wilson(0, n).high, wilson(0, n).high)


def test_bca_of_no_values_is_refused():
    with pytest.raises(ValueError, match="no problems to resample"):
        bca(np.array([]), seed=0)


def test_the_paired_interval_is_bca_over_the_problems_differences():
    first, second = verdicts(20, 2, 12, 6)
    deltas = np.array([float(b) - a for a, b in zip(first, second, strict=True)])
    ends = paired_difference(first, second, seed=0).ci95
    assert ends == pytest.approx(bca(deltas, seed=3), abs=1 / 40 + 1e-9), "one problem's step"


def test_holm_on_a_table_worked_out_by_hand():
    # 0.01 x 4, 0.03 x 2 after 0.02 x 3 (no smaller than the one before), 0.5 x 1.
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    # 0.031 x 1 is less than 0.03 x 2 before it.
    assert holm([0.01, 0.03, 0.031]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=9))
def test_holm_by_its_closed_form(p_values):
    """The largest (m - j + 1) p_(j) up to one's own rank, at most 1."""
    ordered = sorted(p_values)
    m = len(p_values)
    expected = {
        p: min(1.0, max((m - j) * ordered[j] for j in range(m) if ordered[j] <= p))
        for p in p_values
    }
    assert holm(p_values) == pytest.approx([expected[p] for p in p_values])
