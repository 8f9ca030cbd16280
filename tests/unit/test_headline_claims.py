"""In simulated runs without any effect the headline claims one in at most 5 % (bench/claims.py)."""

from collections import Counter
from itertools import product

import pytest

from tests.claim_study import (
    Design,
    EqualBudgets,
    chances,
    claims,
    complementary,
    greedy_claim,
    training_claim,
)

RUNS = 40
AT_MOST = 0.05
# Where a test of the means over subsets claims most: few problems, and paths that are mostly right.
DISPUTED = (0.08, 0.3, 0.6, 1.0)
EQUAL = {alike: EqualBudgets(alike=alike) for alike in (True, False)}


def claimed(claim, designs, runs):
    """Claims over all designs together, as shares of the runs."""
    found = sum((claims(lambda s, d=d: claim(d, s), runs, seed=0) for d in designs), Counter())
    return {word: found[word] / found.total() for word in ("helped", "hurt")}


@pytest.mark.parametrize(("chance", "alike"), [("0.5", True), ("0.8", True), ("0.8", False)])
def test_thoughts_that_answer_alike_neither_gain_nor_lose_by_mixing(chance, alike):
    def mixing(design, source):
        same = chances(design, source)
        return EQUAL[alike].claim(same, same, source)

    shares = claimed(mixing, [Design(share, chance, alike) for share in DISPUTED], RUNS)
    assert shares["helped"] + shares["hurt"] <= AT_MOST


@pytest.mark.parametrize("claim", [greedy_claim, training_claim])
def test_the_vote_of_greedy_paths_and_training_gain_nothing_by_chance(claim):
    designs = [Design(s, c, False) for s, c in product(DISPUTED, ("0.5", "any"))]
    shares = claimed(claim, designs, RUNS // 4)
    assert shares["helped"] + shares["hurt"] <= AT_MOST


def test_a_true_gain_is_found():
    def mixing(source):
        return EQUAL[False].claim(*complementary(source, 400), source)

    found = claims(mixing, 20, seed=0)
    assert found["helped"] >= 16 and not found["hurt"]
