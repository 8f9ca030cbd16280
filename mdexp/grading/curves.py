"""Accuracy by the number of paths, computed from subsets of the paths that a run has.

With n sampled paths of a thought, the accuracy of a vote of k on a problem is the share of its C(n,
k) subsets whose majority is right. This estimate is unbiased, while the first k paths would be a
single draw. A mix of budget k takes k / (number of thoughts) paths of each. Up to MAX_SUBSETS
subsets all are evaluated, beyond that as many random ones with a fixed seed. Ties are settled as in
any vote. pass@k is the probability that any of k paths is right, in closed form: the accuracy of a
perfect vote.

Whether a mix differs from a thought is tested on one subset of each, drawn without a look at the
answers: McNemar's exact test over problems, which is valid whatever the thoughts are. A sign-flip
test of the means over subsets would find more, but its errors are not limited: all paths of a
thought are one subset, right or wrong, while the mix is a mean over many. Their difference is
skewed, and that test finds a loss in up to 37 % of runs without any (bench/claims.py).
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from math import comb, prod
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from mdexp.grading.election import Booth, Chosen, booth, count, majority, verdicts
from mdexp.grading.statistics import bca, mcnemar
from mdexp.records import Generation

# Random subsets add noise of at most 0.5 / sqrt(2000) = 1.1 points for a problem, 0.1 for a
# hundred.
MAX_SUBSETS = 2_000
SEED = 0
SPARSE = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
MIX = "mix"


class CurvePoint(TypedDict):
    """The accuracy of a vote of `paths` paths in all, as a mean over problems and subsets."""

    paths: int
    accuracy: float
    ci95: list[float]  # BCa over problems
    pass_at: float
    pass_ci95: list[float]  # BCa over problems
    subsets: str  # "all", or how many were drawn


class Gain(TypedDict):
    """The accuracy of the mix minus that of one thought, both with `paths` paths in all."""

    thought: str
    paths: int
    mean: float
    ci95: list[float]  # BCa over problems
    p: float  # exact McNemar over problems, of one subset of each; not corrected


class Curves(TypedDict):
    points: dict[str, list[CurvePoint]]  # for each thought, and `mix` if several vote
    gains: list[Gain]  # over each mixed thought, at the largest budget that all have
    n: int  # problems


class Drawn(NamedTuple):
    """The subsets of so many paths per thought."""

    chosen: Chosen
    kind: str


class Outcomes(NamedTuple):
    """The outcomes of one system's votes with one budget, problem by problem."""

    shares: NDArray[np.float64]  # share of subsets whose vote is right
    first: NDArray[np.bool_]  # whether the vote of the first subset is right


def path_curves(problems: Sequence[Sequence[Generation]], order: Sequence[str]) -> Curves | None:
    """Curves of each thought and of the mix of those in `order`, by majority with ties to it.

    `problems` holds the sampled paths of each problem, equally many per thought. None unless some
    thought has at least two. A thought that is not in `order` still has its own curve.
    """
    sampled = [path.thought for path in problems[0]]
    thoughts = list(dict.fromkeys([t for t in order if t in sampled] + sampled))
    mixed = [thought for thought in thoughts if thought in order]
    ranked = [sorted(p, key=lambda g: (thoughts.index(g.thought), g.sample)) for p in problems]
    sizes = {thought: sampled.count(thought) for thought in thoughts}
    if max(sizes.values()) < 2:
        return None
    values: dict[tuple[str, int], Outcomes] = {}
    points: dict[str, list[CurvePoint]] = {}
    for name, share in _systems(thoughts, mixed).items():
        heard = [[path for path in paths if path.thought in share] for paths in ranked]
        booths = [booth(paths) for paths in heard]
        for budget in _budgets(sizes, share):
            draws = dict.fromkeys(share, budget // len(share))
            drawn = subsets({t: sizes[t] for t in share}, draws)
            found = values[name, budget] = path_outcomes(booths, drawn.chosen)
            passed = np.array([pass_at(paths, draws) for paths in heard])
            point = CurvePoint(
                paths=budget,
                accuracy=float(found.shares.mean()),
                ci95=list(bca(found.shares, seed=SEED)),
                pass_at=float(passed.mean()),
                pass_ci95=list(bca(passed, seed=SEED)),
                subsets=drawn.kind,
            )
            points.setdefault(name, []).append(point)
    return Curves(points=points, gains=gains(values, mixed), n=len(problems))


def subsets(sizes: Mapping[str, int], draws: Mapping[str, int]) -> Drawn:
    """All subsets with so many paths of each thought, or MAX_SUBSETS random ones if there are
    more."""
    if prod(comb(sizes[t], draws[t]) for t in sizes) <= MAX_SUBSETS:
        blocks = [_all_of(sizes[t], draws[t]) for t in sizes]
        rows = [np.concatenate(parts) for parts in product(*blocks)]
        return Drawn(np.array(rows), "all")
    source = np.random.default_rng(SEED)
    parts = [_some_of(sizes[t], draws[t], source) for t in sizes]
    return Drawn(np.concatenate(parts, axis=1), f"{MAX_SUBSETS} drawn")


def path_outcomes(booths: Sequence[Booth], chosen: Chosen) -> Outcomes:
    """The majority votes of the same subsets of every problem's paths."""
    votes = [won(found, chosen) for found in booths]
    return Outcomes(np.array([v.mean() for v in votes]), np.array([v[0] for v in votes]))


def won(found: Booth, chosen: Chosen) -> NDArray[np.bool_]:
    """For each subset, whether its majority is right."""
    if not found.right.any():
        return np.zeros(len(chosen), dtype=bool)
    counts = count(found, chosen)
    return verdicts(counts, majority(counts, chosen))


def pass_at(paths: Sequence[Generation], draws: Mapping[str, int]) -> float:
    """The probability that at least one of so many drawn paths of each thought is right (Chen et
    al. 2021)."""
    missed = 1.0
    for thought, number in draws.items():
        verdicts = [path.correct for path in paths if path.thought == thought]
        wrong = len(verdicts) - sum(verdicts)
        missed *= comb(wrong, number) / comb(len(verdicts), number)
    return 1 - missed


def gains(values: Mapping[tuple[str, int], Outcomes], order: Sequence[str]) -> list[Gain]:
    """The gain of mixing over each thought alone, at the largest budget that all of them have."""
    shared = [k for name, k in values if name == MIX and all((t, k) in values for t in order)]
    if not shared:
        return []
    found, mix = [], values[MIX, max(shared)]
    for thought in order:
        alone = values[thought, max(shared)]
        difference = mix.shares - alone.shares
        found.append(
            Gain(
                thought=thought,
                paths=max(shared),
                mean=float(difference.mean()),
                ci95=list(bca(difference, seed=SEED, least=-1.0)),
                p=mcnemar(alone.first.tolist(), mix.first.tolist()).p,
            )
        )
    return found


def _systems(thoughts: Sequence[str], mixed: Sequence[str]) -> dict[str, tuple[str, ...]]:
    alone: dict[str, tuple[str, ...]] = {thought: (thought,) for thought in thoughts}
    return alone | {MIX: tuple(mixed)} if len(mixed) > 1 else alone


def _budgets(sizes: Mapping[str, int], share: Sequence[str]) -> list[int]:
    """The numbers of paths to evaluate: each up to 8, then round ones, and all; each divides evenly
    by thought."""
    most = min(sizes[thought] for thought in share) * len(share)
    wanted = {*range(1, 9), *SPARSE, *sizes.values(), most}
    return sorted(paths for paths in wanted if paths <= most and paths % len(share) == 0)


def _all_of(size: int, number: int) -> list[Chosen]:
    return [np.isin(np.arange(size), picked) for picked in combinations(range(size), number)]


def _some_of(size: int, number: int, source: np.random.Generator) -> Chosen:
    ranks = source.random((MAX_SUBSETS, size)).argsort(axis=1).argsort(axis=1)
    return ranks < number
