"""Several seeds: problems are the clusters, and one seed is McNemar's case."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.grading.clusters import cluster_interval, difference, sign_flip
from mdexp.grading.pairing import DifferentProblems, compare_groups, compare_verdicts
from mdexp.grading.statistics import mcnemar

bits = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


@given(bits)
def test_with_one_seed_the_sign_flip_test_is_mcnemars(pairs):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    p = sign_flip(np.array([first]), np.array([second]))
    assert p == pytest.approx(mcnemar(first, second).p)


@given(st.lists(st.tuples(*[st.booleans()] * 5), min_size=1, max_size=8))
def test_the_sign_flip_test_by_going_through_all_signs(rows):
    """Two seeds against three."""
    table = np.array(rows).T
    first, second = table[:2], table[2:]
    deltas = second.mean(0) - first.mean(0)
    flipped = [abs(np.dot(signs, deltas)) for signs in product((-1, 1), repeat=len(deltas))]
    expected = np.mean([value >= abs(deltas.sum()) - 1e-9 for value in flipped])
    assert sign_flip(first, second) == pytest.approx(expected)


def test_repeating_a_seed_does_not_make_a_difference_more_certain():
    rng = np.random.default_rng(0)
    first, second = rng.random((1, 60)) < 0.4, rng.random((1, 60)) < 0.6
    once = sign_flip(first, second)
    assert sign_flip(np.repeat(first, 4, 0), np.repeat(second, 4, 0)) == pytest.approx(once)
    ends = difference(first, second, same_students=False, seed=0).ci95
    repeated = difference(
        np.repeat(first, 4, 0), np.repeat(second, 4, 0), same_students=False, seed=0
    ).ci95
    assert repeated == pytest.approx(ends, abs=0.02)


def test_both_groups_are_resampled_on_the_same_problems():
    same = np.tile(np.random.default_rng(0).random(60) < 0.5, (3, 1))
    assert difference(same, same, same_students=False, seed=0).ci95 == (0, 0)


def test_two_answers_of_the_same_students_are_resampled_together():
    """Of students of 10, 50 and 90 %, each with a second answer that solves as many problems."""
    source = np.random.default_rng(0)
    first, second = (source.random((3, 300)) < [[0.1], [0.5], [0.9]] for _ in range(2))
    together, apart = (
        difference(first, second, same_students=same, seed=0).ci95 for same in (True, False)
    )
    assert together.high - together.low < 0.15 < 0.6 < apart.high - apart.low


def test_seeds_that_differ_widen_the_interval():
    steady = np.tile([True, False], (3, 100))
    shaky = np.array([[True] * 200, [False] * 200, [True, False] * 100])
    width = [
        end.high - end.low
        for end in (cluster_interval(steady, seed=0), cluster_interval(shaky, seed=0))
    ]
    assert width[1] > 3 * width[0]
    assert cluster_interval(steady, seed=0) == cluster_interval(steady, seed=0)


def test_groups_are_joined_by_problem_and_counted_by_who_solves_oftener():
    a = {"p": True, "q": False, "r": False}
    b = {"r": True, "q": False, "p": True}
    both = compare_groups([a, a], [b, a], same_students=False)
    assert (both.n, both.accuracies) == (3, (pytest.approx(1 / 3), pytest.approx(1 / 2)))
    assert (both.mcnemar.only_first, both.mcnemar.only_second) == (0, 1)
    assert both.difference.mean == pytest.approx(1 / 6)
    assert compare_groups([a], [b], same_students=False) == compare_verdicts(a, b)
    with pytest.raises(DifferentProblems, match="1 of them on one side only, such as r"):
        compare_groups([a, a], [{"p": True, "q": True}], same_students=True)


def test_no_problems_are_nothing_to_compare():
    with pytest.raises(ValueError, match="no problems to compare"):
        difference(np.empty((2, 0), bool), np.empty((1, 0), bool), same_students=False, seed=0)
