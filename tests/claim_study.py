"""Simulated runs whose truth is known: how often the report's headline claims something of them.

A run has problems of which some are in dispute (a path is right by chance) and the others are
always or never solved. Where the thoughts answer alike, no claim about mixing is true. The verdicts
of all votes of four paths a thought are looked up in a table that the code of the curves makes.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from mdexp.grading.curves import MIX, Outcomes, gains, subsets, won
from mdexp.grading.election import Booth
from mdexp.grading.score import votes
from mdexp.grading.vote_rules.majority import Majority
from mdexp.records import Generation, Vote
from mdexp.report.headline import headlines

PATHS = 4  # of each thought
ORDER = ("cot", "pot")
PATTERNS = list(product((False, True), repeat=PATHS))  # which paths of a thought are right
CHANCES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "0.2": lambda source, n: np.full(n, 0.2),
    "0.5": lambda source, n: np.full(n, 0.5),
    "0.8": lambda source, n: np.full(n, 0.8),
    "any": lambda source, n: source.random(n),
}


@dataclass(frozen=True, slots=True)
class Design:
    """What simulated runs have in common."""

    disputed: float  # share of problems that are in dispute
    chance: str  # of a path to be right there, by CHANCES
    alike: bool  # whether wrong paths all give the same answer, or each another
    num_problems: int = 100


def designs(shares: tuple[float, ...] = (0.05, 0.08, 0.15, 0.3, 0.6, 1)) -> Iterator[Design]:
    for disputed, chance, alike in product(shares, CHANCES, (True, False)):
        yield Design(disputed, chance, alike)


def chances(design: Design, source: np.random.Generator) -> np.ndarray:
    """Of each problem how likely a path solves it."""
    disputed = round(design.disputed * design.num_problems)
    settled = source.integers(2, size=design.num_problems - disputed).astype(float)
    return np.concatenate([CHANCES[design.chance](source, disputed), settled])


def complementary(source: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Chances of two thoughts of which neither tells anything of the other: mixing gains."""
    return source.beta(0.4, 0.6, number), source.beta(0.4, 0.6, number)


class EqualBudgets:
    """Runs with PATHS sampled paths of two thoughts, and what their headline says of mixing."""

    def __init__(self, *, alike: bool) -> None:
        mixed = subsets(dict.fromkeys(ORDER, PATHS), dict.fromkeys(ORDER, PATHS // 2)).chosen
        alone = subsets({"cot": PATHS}, {"cot": PATHS}).chosen
        self._alone = np.array([won(_booth(p, alike), alone) for p in PATTERNS])
        both = [won(_booth(a + b, alike), mixed) for a, b in product(PATTERNS, PATTERNS)]
        self._mixed = np.array(both)

    def outcomes(self, cot: np.ndarray, pot: np.ndarray, source: np.random.Generator):
        """A run in which a path of each thought solves each problem with these chances."""
        drawn = [source.random((len(c), PATHS)) < c[:, np.newaxis] for c in (cot, pot)]
        first, second = (rows @ (2 ** np.arange(PATHS)[::-1]) for rows in drawn)
        return {
            (MIX, PATHS): _outcomes(self._mixed[first * len(PATTERNS) + second]),
            ("cot", PATHS): _outcomes(self._alone[first]),
            ("pot", PATHS): _outcomes(self._alone[second]),
        }

    def claim(self, cot: np.ndarray, pot: np.ndarray, source: np.random.Generator) -> str:
        curves = {"gains": gains(self.outcomes(cot, pot, source), ORDER)}
        return said(headlines({"toy": {"after": {"curves": curves}}}, [], []))


def greedy_claim(design: Design, source: np.random.Generator) -> str:
    """What the headline says of the vote of two greedy paths, both of which answer: where one
    abstains the other stands in, and the vote does gain."""
    chance = chances(design, source)
    paths = [
        path for thought in ORDER for path in greedy(thought, "after", chance, source, design.alike)
    ]
    elected: list[Vote] = votes(paths, list(ORDER), Majority(order=ORDER))
    return said(headlines({"toy": {"after": {"curves": None}}}, paths, elected))


def training_claim(design: Design, source: np.random.Generator) -> str:
    """What the headline says of training that changed nothing."""
    chance = chances(design, source)
    paths = [
        path
        for phase in ("before", "after")
        for path in greedy("cot", phase, chance, source, design.alike)
    ]
    return said(headlines({"toy": {"before": {}, "after": {"curves": None}}}, paths, []))


def greedy(thought, phase, chance, source: np.random.Generator, alike) -> list[Generation]:
    right = source.random(len(chance)) < chance
    return [
        Generation(
            problem_id=f"p{number}",
            dataset="toy",
            split="test",
            phase=phase,
            thought=thought,
            sample=0,
            num_shots=0,
            text="",
            answer=18 if solved else 7 if alike or thought == "cot" else 8,
            status="ok",
            correct=bool(solved),
        )
        for number, solved in enumerate(right)
    ]


def said(found) -> str:
    """`helped`, `hurt`, or `` of no claim."""
    [answer] = found
    words = answer.claim.rstrip(":").split()
    return words[-1] if words[-1] in ("helped", "hurt") else ""


def claims(claim: Callable[[np.random.Generator], str], runs: int, seed: int) -> Counter[str]:
    """How often so many seeded runs claim each thing."""
    source = np.random.default_rng(seed)
    return Counter(claim(source) for _ in range(runs))


def _booth(right: tuple[bool, ...], alike: bool) -> Booth:
    keys = [0 if solved else 1 if alike else 10 + n for n, solved in enumerate(right)]
    same = np.array([[a == b for b in keys] for a in keys], dtype=np.float32)
    return Booth(same, np.array(right))


def _outcomes(won: np.ndarray) -> Outcomes:
    return Outcomes(won.mean(axis=1), won[:, 0])
