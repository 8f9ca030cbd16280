"""A path's chance of being right, by its log-probability: Platt's logistic fit for each thought.

Log-probabilities of code and prose cannot be compared (code is always surer), chances can. With few
problems the fit is held back: a Gaussian prior keeps the slope near 0, where each thought's paths
all weigh as its share of right ones, (right + 1) / (n + 2).
"""

import logging
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mdexp.ports import Scores
from mdexp.records import Generation

log = logging.getLogger(__name__)

STEPS = 50  # of Newton's method; some ten are enough
Line = tuple[float, float]  # log-odds at log-probability 0, and their slope


class Calibrated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "calibrated"

    prior: float = Field(gt=0)  # standard deviation of the slope, log-odds per nat

    def fit(self, paths: Sequence[Generation]) -> Scores:
        lines = {
            thought: self._line([p for p in paths if p.thought == thought])
            for thought in sorted({path.thought for path in paths})
        }
        return lambda scored: [_log_chance(path, lines) for path in scored]

    def _line(self, paths: Sequence[Generation]) -> Line:
        right = np.array([path.correct for path in paths], dtype=float)
        level = (right.sum() + 1) / (len(right) + 2)
        known = np.array([path.logprob is not None for path in paths])
        if not known.all() or right.min() == right.max():
            log.warning(
                "vote scorer: %s has no two kinds of paths with log-probabilities on validation; "
                "each weighs as the thought does",
                paths[0].thought,
            )
            return float(np.log(level / (1 - level))), 0.0
        logprobs = np.array([path.logprob for path in paths], dtype=float)
        return _logistic(logprobs, right, self.prior)


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64], prior: float) -> Line:
    """Intercept and slope of a logistic regression with Platt's targets, which are never 0 or 1."""
    right, wrong = y.sum(), len(y) - y.sum()
    target = np.where(y == 1, (right + 1) / (right + 2), 1 / (wrong + 2))
    design = np.stack([np.ones_like(x), x - x.mean()], axis=1)
    precision = np.diag([0.0, prior**-2])
    line = np.zeros(2)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ line, -30, 30)))
        gradient = design.T @ (chance - target) + precision @ line
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + precision
        step = np.linalg.solve(curvature, gradient)
        line = line - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    return float(line[0] - line[1] * x.mean()), float(line[1])


def _log_chance(path: Generation, lines: Mapping[str, Line]) -> float:
    level, slope = lines.get(path.thought, (0.0, 0.0))
    return float(-np.logaddexp(0, -(level + slope * (path.logprob or 0.0))))
