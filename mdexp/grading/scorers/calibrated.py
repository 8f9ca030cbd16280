"""Estimates a path's probability of being right from the scorer's score, or without one from its
log-probability: Platt's logistic fit for each thought.

Log-probabilities of code and prose cannot be compared (code's are always higher), but these
probabilities can. With few problems the fit is regularised: a Gaussian prior keeps the slope near
0, where each path weighs as its thought's accuracy, (right + 1) / (n + 2).
"""

import logging
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mdexp.grading.logistic import logistic, platt_targets
from mdexp.ports import Scores
from mdexp.records import Generation

log = logging.getLogger(__name__)

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
        found = [_judged_by(path) for path in paths]
        known = [value for value in found if value is not None]
        if len(known) < len(found) or right.min() == right.max():
            log.warning(
                "vote scorer: %s has no two kinds of paths with scores or log-probabilities on "
                "validation; each weighs as the thought does",
                paths[0].thought,
            )
            return float(np.log(level / (1 - level))), 0.0
        return logistic(np.array(known, dtype=float), platt_targets(right), self.prior)


def _judged_by(path: Generation) -> float | None:
    """Nats: of a score log-odds, of a log-probability the mean of its tokens."""
    return path.logprob if path.score is None else path.score


def _log_chance(path: Generation, lines: Mapping[str, Line]) -> float:
    level, slope = lines.get(path.thought, (0.0, 0.0))
    return float(-np.logaddexp(0, -(level + slope * (_judged_by(path) or 0.0))))
