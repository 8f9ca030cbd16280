"""An energy of (question, prefix), learned by noise-contrastive estimation (arXiv 2309.03224).

The paper keeps the language model p fixed and learns p(y|x) exp(-E(x, y)), with the model's own
samples as noise. Here -E is a linear head on the frozen student's hidden state behind the last
token. Data are the student's right paths, noise its wrong ones about the same problem by the same
thought, each with its counterpart of the nearest length, so that neither the problem nor the length
can tell them apart. Whole paths are also paired with those of the problem's other thoughts, of
whatever length: without that, scores of two thoughts would have no common level, which thought or
length may then set. `contrast=ranking` learns from the difference of a pair, which is the
conditional form (Ma and Collins 2018, arXiv 1809.01812); `binary` judges each path by itself, as
the paper and residual energy-based models do (arXiv 2004.11714). The label of a path is the label
of its beginnings.

With an `adapter` (training/scorer_adapter.py) the student reads paths with low-rank adapters that
learned from the pairs of whole paths; answers are those of the student without them.

A last logistic fit over the prefixes of validation problems gives the score its scale: log-odds of
being right.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mdexp.grading.logistic import logistic, platt_targets, regression
from mdexp.grading.ranking import auc_by_group, mean
from mdexp.ports import ReadPrefix
from mdexp.records import LinearHead

log = logging.getLogger(__name__)

Depth = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Pair = tuple[int, int]  # places of a right and a wrong prefix
States = NDArray[np.float64]
SLOPE_PRIOR = 1.0  # of the last fit, log-odds per nat


class Adapter(BaseModel):
    """Options of an adapter that learns with the head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int = Field(ge=1)
    epochs: int = Field(ge=1)  # over the pairs of whole paths
    learning_rate: Positive


class Energy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "energy"

    num_paths: int = Field(ge=2)
    num_problems: int | None = Field(ge=1)
    by_step: bool
    contrast: Literal["ranking", "binary"]
    depths: tuple[Depth, ...] = Field(min_length=1)
    priors: tuple[Positive, ...] = Field(min_length=1)  # standard deviations of a weight
    adapter: Adapter | None = Field(None, exclude_if=lambda options: options is None)

    def pairs(self, paths: Sequence[ReadPrefix]) -> list[Pair]:
        return matched_pairs(paths)

    def fit(
        self, training: Sequence[ReadPrefix], validation: Sequence[ReadPrefix]
    ) -> tuple[LinearHead, Mapping[str, Any]]:
        pairs = matched_pairs(training)
        tried: dict[tuple[float, float], LinearHead] = {}
        found: dict[tuple[float, float], float] = {}
        for (number, depth), prior in product(enumerate(self.depths), self.priors):
            weights = self._weights(_states(training, number), pairs, prior)
            tried[depth, prior] = _scaled(weights, depth, number, validation or training)
            found[depth, prior] = _within(validation, weights, number)
        best = max(found, key=found.__getitem__)  # of equal ones the first
        if not pairs:
            log.warning("scorer: no problem has right and wrong own paths; all paths score alike")
        return tried[best], {
            "pairs of a right and a wrong prefix": len(pairs),
            "depth": best[0],
            "prior": best[1],
            "AUC on validation by depth and prior": {
                f"{depth:g}, {prior:g}": round(value, 4) for (depth, prior), value in found.items()
            },
        }

    def _weights(self, states: States, pairs: Sequence[Pair], prior: float) -> States:
        """Of a logistic regression that tells the right of each pair from the wrong; `prior` is
        that of states of unit variance. Without pairs they are 0."""
        if not pairs:
            return np.zeros(states.shape[1])
        scale = states.std(axis=0)
        scale[scale == 0] = 1.0
        first, second = (states[list(side)] / scale for side in zip(*pairs, strict=True))
        if self.contrast == "ranking":
            return regression(first - second, np.ones(len(first)), prior) / scale
        both = np.concatenate([first, second])
        centred = both - both.mean(axis=0)  # as many of both, so that no level is left
        return regression(centred, np.repeat([1.0, 0.0], len(first)), prior) / scale


def matched_pairs(prefixes: Sequence[ReadPrefix]) -> list[Pair]:
    """Each right prefix with the wrong one of the same problem, thought and step that is nearest in
    length, and each wrong one with its nearest right one; whole paths also with those of the
    problem's other thoughts. The same pair once."""
    alike: dict[tuple[str, str, int | None], list[int]] = defaultdict(list)
    whole: dict[str, list[int]] = defaultdict(list)
    for place, prefix in enumerate(prefixes):
        alike[prefix.problem_id, prefix.thought, prefix.step].append(place)
        if prefix.step is None:
            whole[prefix.problem_id].append(place)
    pairs = [pair for places in alike.values() for pair in _pairs(places, places, prefixes)]
    for place, prefix in enumerate(prefixes):
        if prefix.step is None:
            problem = whole[prefix.problem_id]
            others = [n for n in problem if prefixes[n].thought != prefix.thought]
            pairs += _pairs([place], others, prefixes)
    return list(dict.fromkeys(pairs))


def _pairs(
    places: Sequence[int], others: Sequence[int], prefixes: Sequence[ReadPrefix]
) -> Iterator[Pair]:
    """Each of the prefixes with the one of the other kind that is nearest in length."""
    for place in places:
        is_right = prefixes[place].is_right
        if unlike := [n for n in others if prefixes[n].is_right != is_right]:
            near = _nearest(place, unlike, prefixes)
            yield (place, near) if is_right else (near, place)


def _nearest(place: int, others: Sequence[int], prefixes: Sequence[ReadPrefix]) -> int:
    length = prefixes[place].num_tokens
    return min(others, key=lambda n: abs(prefixes[n].num_tokens - length))


def _states(prefixes: Sequence[ReadPrefix], number: int) -> States:
    """The states of one depth, (prefixes, hidden size)."""
    if not prefixes:
        return np.zeros((0, 0))
    return np.stack([prefix.states[number] for prefix in prefixes]).astype(float)


def _scaled(
    weights: States, depth: float, number: int, prefixes: Sequence[ReadPrefix]
) -> LinearHead:
    """The head with the scale that the prefixes give it."""
    if not len(weights) or not prefixes:
        return LinearHead(depth=depth, weights=tuple(weights.tolist()), bias=0.0)
    right = np.array([prefix.is_right for prefix in prefixes], dtype=float)
    scores = _states(prefixes, number) @ weights
    level, slope = logistic(scores, platt_targets(right), SLOPE_PRIOR)
    return LinearHead(depth=depth, weights=tuple((slope * weights).tolist()), bias=level)


def _within(validation: Sequence[ReadPrefix], weights: States, number: int) -> float:
    """The AUC within a thought's whole paths of a problem, as a mean over these."""
    whole = [prefix for prefix in validation if prefix.step is None]
    if not whole or not len(weights):
        return 0.5
    scores = (_states(whole, number) @ weights).tolist()
    names = [(prefix.problem_id, prefix.thought) for prefix in whole]
    return mean([*auc_by_group(names, scores, [p.is_right for p in whole]).values()])
