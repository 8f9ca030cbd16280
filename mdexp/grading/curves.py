"""Accuracy against the number of paths, from the paths that are there: nothing is generated anew.

With n sampled paths of a thought, the vote of k is right on a problem with the share of its
C(n, k) subsets whose majority is right: an unbiased estimate, where the first k alone would be one
draw. A mix of budget k takes k / (number of thoughts) of each. Up to MAX_SUBSETS all subsets are
gone through, beyond that as many seeded ones. Ties go as in any vote. pass@k, beside it, is the
chance that any of k is right, in closed form: what a perfect vote would reach.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from math import comb, prod
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from mdexp.answers import canonical
from mdexp.grading.statistics import bca
from mdexp.records import Generation

# Drawing adds at most 0.5 / sqrt(2000) = 1.1 points of noise to a problem, 0.1 to a hundred.
MAX_SUBSETS = 2_000
SEED = 0
SPARSE = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
MIX = "mix"

Chosen = NDArray[np.bool_]  # subsets x paths: whether a path is in a subset


class Point(TypedDict):
    """A vote of `paths` paths in all, as a mean over problems and subsets."""

    paths: int
    accuracy: float
    ci95: list[float]  # BCa over problems
    pass_at: float
    pass_ci95: list[float]  # BCa over problems
    subsets: str  # "all", or how many were drawn


class Gain(TypedDict):
    """Accuracy of the mix minus that of one thought, both with `paths` paths in all."""

    thought: str
    paths: int
    mean: float
    ci95: list[float]  # BCa over problems


class Curves(TypedDict):
    points: dict[str, list[Point]]  # each thought, and `mix` where several have a vote
    gains: list[Gain]  # over what is mixed, at the largest budget that the mix and all of it have
    n: int  # problems


class Booth(NamedTuple):
    """A problem's paths as a majority sees them."""

    same: NDArray[np.float32]  # paths x paths: 1 where both have the same answer
    right: NDArray[np.bool_]


class Drawn(NamedTuple):
    """The subsets of one draw of so many paths per thought."""

    chosen: Chosen
    kind: str


def curves(problems: Sequence[Sequence[Generation]], order: Sequence[str]) -> Curves | None:
    """Curves of each thought and of the mix of those in `order`, by majority with ties to it.

    `problems` holds the sampled paths of each problem, equally many per thought; None unless some
    thought has at least two. A thought that `order` leaves out has its own curve all the same.
    """
    sampled = [path.thought for path in problems[0]]
    thoughts = list(dict.fromkeys([t for t in order if t in sampled] + sampled))
    mixed = [thought for thought in thoughts if thought in order]
    ranked = [sorted(p, key=lambda g: (thoughts.index(g.thought), g.sample)) for p in problems]
    sizes = {thought: sampled.count(thought) for thought in thoughts}
    if max(sizes.values()) < 2:
        return None
    values: dict[tuple[str, int], NDArray[np.float64]] = {}
    points: dict[str, list[Point]] = {}
    for name, share in _systems(thoughts, mixed).items():
        heard = [[path for path in paths if path.thought in share] for paths in ranked]
        booths = [booth(paths) for paths in heard]
        for budget in _budgets(sizes, share):
            draws = dict.fromkeys(share, budget // len(share))
            drawn = subsets({t: sizes[t] for t in share}, draws)
            right = np.array([accuracy(found, drawn.chosen) for found in booths])
            passed = np.array([pass_at(paths, draws) for paths in heard])
            values[name, budget] = right
            point = Point(
                paths=budget,
                accuracy=float(right.mean()),
                ci95=list(bca(right, seed=SEED)),
                pass_at=float(passed.mean()),
                pass_ci95=list(bca(passed, seed=SEED)),
                subsets=drawn.kind,
            )
            points.setdefault(name, []).append(point)
    return Curves(points=points, gains=gains(values, mixed), n=len(problems))


def subsets(sizes: Mapping[str, int], draws: Mapping[str, int]) -> Drawn:
    """All ways to draw so many paths of each thought, or MAX_SUBSETS seeded ones of more."""
    if prod(comb(sizes[t], draws[t]) for t in sizes) <= MAX_SUBSETS:
        blocks = [_all_of(sizes[t], draws[t]) for t in sizes]
        rows = [np.concatenate(parts) for parts in product(*blocks)]
        return Drawn(np.array(rows), "all")
    source = np.random.default_rng(SEED)
    parts = [_some_of(sizes[t], draws[t], source) for t in sizes]
    return Drawn(np.concatenate(parts, axis=1), f"{MAX_SUBSETS} drawn")


def booth(paths: Sequence[Generation]) -> Booth:
    """What a vote needs to know of a problem's paths, which are ranked as in a vote."""
    keys = [canonical(path.answer) if path.status == "ok" else None for path in paths]
    return Booth(
        same=np.array([[a is not None and a == b for b in keys] for a in keys], dtype=np.float32),
        right=np.array([path.correct for path in paths]),
    )


def accuracy(found: Booth, chosen: Chosen) -> float:
    """Share of the subsets whose vote is right."""
    if not found.right.any():
        return 0.0
    # Of each chosen path the number of chosen paths with its answer; the first maximum is elected.
    heard = chosen.astype(np.float32)
    support = (heard @ found.same) * chosen
    elected = np.arange(len(support)), support.argmax(axis=1)
    right = heard @ (found.same * found.right[:, np.newaxis])
    return float((2 * right[elected] > support[elected]).mean())


def pass_at(paths: Sequence[Generation], draws: Mapping[str, int]) -> float:
    """Chance that one of so many drawn paths of each thought is right (Chen et al. 2021)."""
    missed = 1.0
    for thought, number in draws.items():
        verdicts = [path.correct for path in paths if path.thought == thought]
        wrong = len(verdicts) - sum(verdicts)
        missed *= comb(wrong, number) / comb(len(verdicts), number)
    return 1 - missed


def gains(
    values: Mapping[tuple[str, int], NDArray[np.float64]], order: Sequence[str]
) -> list[Gain]:
    """What mixing gained over each thought alone at the largest budget that all of them have."""
    shared = [k for name, k in values if name == MIX and all((t, k) in values for t in order)]
    if not shared:
        return []
    found = []
    for thought in order:
        difference = values[MIX, max(shared)] - values[thought, max(shared)]
        found.append(
            Gain(
                thought=thought,
                paths=max(shared),
                mean=float(difference.mean()),
                ci95=list(bca(difference, seed=SEED, least=-1.0)),
            )
        )
    return found


def _systems(thoughts: Sequence[str], mixed: Sequence[str]) -> dict[str, tuple[str, ...]]:
    alone: dict[str, tuple[str, ...]] = {thought: (thought,) for thought in thoughts}
    return alone | {MIX: tuple(mixed)} if len(mixed) > 1 else alone


def _budgets(sizes: Mapping[str, int], share: Sequence[str]) -> list[int]:
    """Numbers of paths that can be drawn evenly: up to 8 every one, then round ones, and all."""
    most = min(sizes[thought] for thought in share) * len(share)
    wanted = {*range(1, 9), *SPARSE, *sizes.values(), most}
    return sorted(paths for paths in wanted if paths <= most and paths % len(share) == 0)


def _all_of(size: int, number: int) -> list[Chosen]:
    return [np.isin(np.arange(size), picked) for picked in combinations(range(size), number)]


def _some_of(size: int, number: int, source: np.random.Generator) -> Chosen:
    ranks = source.random((MAX_SUBSETS, size)).argsort(axis=1).argsort(axis=1)
    return ranks < number
