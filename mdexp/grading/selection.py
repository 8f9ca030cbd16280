"""Evaluates choosing among a problem's sampled paths by the run's scorer.

Three selectors are compared with the majority and with pass@k (any path is right): the path with
the best score (best-of-k), the likeliest path, and a vote by chances of being right. How well a
score ranks is its AUC within a problem, over paths that have an answer: one without is never
chosen. Beside it stand the mean log-probability of a path's tokens and its length, whose sign
validation problems choose. A score beats another measure where the interval of the difference, by
the bootstrap over problems, lies above 0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

import numpy as np

from mdexp.grading.curves import MIX
from mdexp.grading.election import candidate
from mdexp.grading.ranking import auc_by_group, mean
from mdexp.grading.shares import Share, share
from mdexp.grading.statistics import bca, mcnemar, paired_difference
from mdexp.grading.vote import elect
from mdexp.grading.vote_rules.scorer import FittedVote
from mdexp.records import Generation

SEED = 0
Paths = Sequence[Generation]
Measure = Callable[[Generation], float]
NOTE = (
    "Paths are sampled once and chosen among in several ways. Best score and likeliest path: one "
    "path that has an answer. Vote by score: paths weigh as their chance of being right. Any is "
    "right: what no way can exceed. Brackets: Wilson 95 % interval, of a difference BCa over "
    "problems; p: exact McNemar test against the majority, not corrected. AUC: of the pairs of a "
    "right and a wrong answer to one problem the share in which the right one ranks higher, as a "
    "mean over problems that have both; brackets: BCa over problems. Log-probability: mean of the "
    "path's tokens. Length: in characters, shorter or longer first as validation problems say."
)
SCORE, LOGPROB, LENGTH = "score", "log-probability", "length"
MAJORITY, BEST, WEIGHTED = "majority", "best score", "vote by score"
LIKELIEST, ANY = "likeliest path", "any is right"


class Mean(TypedDict):
    """A mean over problems."""

    mean: float
    ci95: list[float]  # BCa


class AgainstMajority(TypedDict):
    """A way to choose against the majority of the same paths, over problems."""

    mean: float  # its accuracy minus that of the majority
    ci95: list[float]  # BCa of the paired difference
    only_majority: int
    only_this: int
    p: float  # exact McNemar


class Selection(TypedDict):
    """One thought's sampled paths, or those of all that vote."""

    paths: int  # of a problem
    ranked: int  # problems that have right and wrong answers among them
    auc: dict[str, Mean]  # by measure
    gains: dict[str, Mean]  # the score's AUC minus that of the other measure
    rows: dict[str, Share]  # right by each way to choose
    versus: dict[str, AgainstMajority]


def selections(tested: Paths, validation: Paths, order: Sequence[str]) -> dict[str, Selection]:
    """By thought, and of the mix of those in `order`. Empty where paths have no score, or no
    problem has two sampled ones."""
    sampled = [path for path in tested if path.sample > 0]
    if not sampled or any(path.score is None for path in sampled):
        return {}
    thoughts = list(dict.fromkeys(path.thought for path in sampled))
    mixed = [thought for thought in thoughts if thought in order]
    systems = {thought: [thought] for thought in thoughts}
    systems |= {MIX: sorted(mixed, key=list(order).index)} if len(mixed) > 1 else {}
    found = {}
    for name, heard in systems.items():
        ours = [path for path in sampled if path.thought in heard]
        tuned = [path for path in validation if path.thought in heard]
        selection = _selection(ours, tuned, heard)
        if selection["paths"] > 1:
            found[name] = selection
    return found


def _selection(sampled: Paths, validation: Paths, order: Sequence[str]) -> Selection:
    problems: dict[str, list[Generation]] = {}
    for path in sampled:
        problems.setdefault(path.problem_id, []).append(path)
    within = {name: _within(sampled, measure) for name, measure in _measures(validation).items()}
    chosen = _chosen([*problems.values()], order)
    counted = chosen[MAJORITY]
    return Selection(
        paths=max(map(len, problems.values())),
        ranked=len(within[SCORE]),
        auc={name: _mean(values) for name, values in within.items()},
        gains={
            name: _mean({id: within[SCORE][id] - value for id, value in values.items()}, least=-1.0)
            for name, values in within.items()
            if name != SCORE
        },
        rows={name: share(sum(right), len(right)) for name, right in chosen.items()},
        versus={name: _versus(counted, chosen[name]) for name in (BEST, WEIGHTED, LIKELIEST)},
    )


def _measures(validation: Paths) -> dict[str, Measure]:
    """The score, the log-probability, and the length with the sign that suits validation."""

    def shorter(path: Generation) -> float:
        return -float(len(path.text))

    sign = 1.0 if mean([*_within(validation, shorter).values()]) >= 0.5 else -1.0
    return {
        SCORE: _score,
        LOGPROB: _logprob,
        LENGTH: lambda path: sign * shorter(path),
    }


def _score(path: Generation) -> float:
    return path.score if path.score is not None else 0.0


def _logprob(path: Generation) -> float:
    return path.logprob if path.logprob is not None else 0.0


def _within(paths: Paths, measure: Measure) -> dict[str, float]:
    """The AUC by problem, of those with right and wrong answers."""
    answered = [path for path in paths if candidate(path) is not None]
    return auc_by_group(
        [path.problem_id for path in answered],
        [measure(path) for path in answered],
        [path.correct for path in answered],
    )


def _chosen(problems: Sequence[Paths], order: Sequence[str]) -> dict[str, list[bool]]:
    """Whether each way to choose is right, problem by problem."""
    by_chance = FittedVote(lambda paths: [_log_chance(p) for p in paths], 1.0, tuple(order))
    return {
        MAJORITY: [elect(paths, order).correct for paths in problems],
        BEST: [_best(paths, order, _score) for paths in problems],
        WEIGHTED: [elect(paths, order, by_chance).correct for paths in problems],
        LIKELIEST: [_best(paths, order, _logprob) for paths in problems],
        ANY: [any(path.correct for path in paths) for paths in problems],
    }


def _best(paths: Paths, order: Sequence[str], measure: Measure) -> bool:
    """Whether the best path that has an answer is right; of equal ones the first of the order."""
    answered = [path for path in paths if candidate(path) is not None]
    ranked = sorted(answered, key=lambda path: (order.index(path.thought), path.sample))
    return max(ranked, key=measure).correct if ranked else False


def _log_chance(path: Generation) -> float:
    return float(-np.logaddexp(0, -_score(path)))


def _mean(values: Mapping[str, float], *, least: float = 0.0) -> Mean:
    """Of no problem at all: that of chance, which nothing is known about."""
    if not values:
        return Mean(mean=0.5 + least / 2, ci95=[least, 1.0])
    found = np.array([*values.values()])
    return Mean(mean=float(found.mean()), ci95=list(bca(found, seed=SEED, least=least)))


def _versus(counted: Sequence[bool], right: Sequence[bool]) -> AgainstMajority:
    test = mcnemar(counted, right)
    difference = paired_difference(counted, right, seed=SEED)
    return AgainstMajority(
        mean=difference.mean,
        ci95=list(difference.ci95),
        only_majority=test.only_first,
        only_this=test.only_second,
        p=test.p,
    )


def verdict(found: Selection) -> str:
    """Whether the score ranks better than the other measures do, in a sentence."""
    if not found["ranked"]:
        return (
            "No problem has right and wrong answers among its paths, so there is nothing to rank."
        )
    beaten = [name for name, gain in found["gains"].items() if gain["ci95"][0] > 0]
    level = [name for name in found["gains"] if name not in beaten]
    if not level:
        return f"Within a problem the score ranks better than {' and '.join(beaten)}."
    told = f"Within a problem the score does not rank measurably better than {' or '.join(level)}"
    return f"{told}; it does than {' and '.join(beaten)}." if beaten else f"{told}."
