"""How often a report claims what is not so, and how often it finds what is.

    python -m bench.claims                 nulls: claims of each sentence in 300 runs a design
    python -m bench.claims --power         true gains, by number of problems
    python -m bench.claims --other-tests   what other tests of equal budgets would claim

Designs, thoughts that answer alike and the rest of the simulation: tests/claim_study.py.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import permutation_test

sys.path.insert(0, str(Path(__file__).parents[1]))

from mdexp.grading.curves import MIX, Outcomes, gains
from mdexp.grading.statistics import holm, wilson
from tests.claim_study import (
    ORDER,
    PATHS,
    Design,
    EqualBudgets,
    chances,
    claims,
    complementary,
    designs,
    greedy_claim,
    training_claim,
)

RUNS = 300
Claim = Callable[[np.random.Generator], str]
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--power", action="store_true")
    parser.add_argument("--other-tests", action="store_true")
    given = parser.parse_args()
    study = power if given.power else other_tests if given.other_tests else nulls
    study(given.runs, given.seed)


def nulls(runs: int, seed: int) -> None:
    """Claims where nothing is so: every one is wrong."""
    equal = {alike: EqualBudgets(alike=alike) for alike in (True, False)}
    total: dict[str, Counter[str]] = {}
    print(f"{'disputed':>9} {'right':>6} {'wrong paths':>12}   claims in {runs} runs: helped, hurt")
    for design in designs():

        def mixing(source: np.random.Generator, design: Design = design) -> str:
            chance = chances(design, source)
            return equal[design.alike].claim(chance, chance, source)

        sentences: dict[str, Claim] = {
            "Mixing": mixing,
            "The vote": partial(greedy_claim, design),
            "Training": partial(training_claim, design),
        }
        found = {name: claims(claim, runs, seed) for name, claim in sentences.items()}
        for name, counts in found.items():
            total.setdefault(name, Counter()).update(counts)
        shown = ", ".join(f"{n} {c['helped']:3} {c['hurt']:3}" for n, c in found.items())
        wrong = "alike" if design.alike else "differ"
        print(f"{design.disputed:>8.0%} {design.chance:>7} {wrong:>12}   {shown}", flush=True)
    for name, counts in total.items():
        for word in ("helped", "hurt"):
            print(f"{name} {word}: {_rate(counts[word], counts.total())}")


def power(runs: int, seed: int) -> None:
    """Claims where mixing gains: each thought solves problems of its own."""
    equal = EqualBudgets(alike=False)
    for num_problems in (100, 200, 400, 800):
        for name, draw in {"two kinds": _two_kinds, "complementary": complementary}.items():

            def claim(
                source: np.random.Generator,
                draw: Draw = draw,
                number: int = num_problems,
            ) -> str:
                return equal.claim(*draw(source, number), source)

            counts = claims(claim, runs, seed)
            gain = np.mean([_gain(equal, draw, number=10_000, seed=k) for k in range(3)])
            print(
                f"{name}, n = {num_problems}, true gain {100 * gain:.1f} points: "
                f"helped {_rate(counts['helped'], runs)}, hurt {counts['hurt']}",
                flush=True,
            )


def other_tests(runs: int, seed: int) -> None:
    """What a BCa interval alone, and a sign-flip test of the means over subsets, would claim."""
    equal = {alike: EqualBudgets(alike=alike) for alike in (True, False)}
    for design in designs():
        counts: Counter[str] = Counter()
        source = np.random.default_rng(seed)
        for _ in range(runs):
            chance = chances(design, source)
            outcomes = equal[design.alike].outcomes(chance, chance, source)
            first, second = differences(outcomes)
            found = gains(outcomes, ORDER)
            low, high = found[0]["ci95"]
            counts["one interval"] += low > 0 or high < 0
            low, high = min(found, key=lambda gain: gain["mean"])["ci95"]
            counts["lower interval"] += low > 0 or high < 0
            corrected = holm([_sign_flip(first), _sign_flip(second)])
            counts["sign flip, Holm"] += corrected[int(second.mean() < first.mean())] <= 0.05
        shown = ", ".join(f"{name} {100 * n / runs:.1f} %" for name, n in counts.items())
        print(f"{design}: {shown}", flush=True)


def differences(found: Mapping[tuple[str, int], Outcomes]) -> list[np.ndarray]:
    """Of each thought, problem by problem, the share of mixes that are right minus its own."""
    return [found[MIX, PATHS].shares - found[thought, PATHS].shares for thought in ORDER]


def _sign_flip(differences: np.ndarray) -> float:
    changed = differences[np.abs(differences) > 1e-12]
    if len(changed) < 2:  # one alone is no evidence, and scipy refuses it
        return 1.0
    return float(
        permutation_test(
            (changed,),
            np.mean,
            permutation_type="samples",
            n_resamples=1999,
            vectorized=True,
            rng=0,
        ).pvalue
    )


def _two_kinds(source: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Half of the problems suit one thought, half the other."""
    first = source.random(number) < 0.5
    return np.where(first, 0.9, 0.1), np.where(first, 0.1, 0.9)


def _gain(equal: EqualBudgets, draw: Draw, *, number: int, seed: int) -> float:
    source = np.random.default_rng(seed)
    cot, pot = draw(source, number)
    return min(float(d.mean()) for d in differences(equal.outcomes(cot, pot, source)))


def _rate(number: int, runs: int) -> str:
    low, high = wilson(number, runs)
    return f"{number} of {runs} ({100 * number / runs:.1f} %, {100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    main()
