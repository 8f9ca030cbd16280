"""A share of the loss for each chosen thought."""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Literal

from mdexp.config.blocks import Block, Share
from mdexp.records import Example
from mdexp.training.objective import example_weights
from mdexp.training.objectives.formula import MEANS, ignored_lambda, weighted_sum

SUM_TOLERANCE = 1e-9


class WeightedObjective(Block):
    name: ClassVar[str] = "weighted"

    weights: dict[str, Share] | None  # the share of each thought; none: equal shares
    normalize: Literal["token", "example"]  # what a thought's mean is over
    pairing: Literal["both", "any"]  # both: only problems that have every thought of the mix

    def why_not(self, thoughts: Collection[str], lam: float | None) -> str | None:
        if lam is not None:
            return ignored_lambda(self.name, lam)
        if not self.weights:
            return None
        if missing := [thought for thought in thoughts if thought not in self.weights]:
            return (
                f"objective.weights lacks {', '.join(missing)}: it names all of "
                f"{', '.join(thoughts)} (0 leaves one out), or none for equal shares; "
                f"got {', '.join(self.weights)}"
            )
        if other := [thought for thought in self.weights if thought not in thoughts]:
            return (
                f"objective.weights names {', '.join(other)}, which is none of the chosen thoughts "
                f"{', '.join(thoughts)}"
            )
        total = sum(self.weights.values())
        if abs(total - 1) > SUM_TOLERANCE:
            return f"objective.weights must sum to 1, got {total}"
        return None

    def shares(self, thoughts: Collection[str], lam: float | None) -> dict[str, float]:
        weights = self.weights or dict.fromkeys(thoughts, 1 / len(thoughts))
        return {thought: weights[thought] for thought in thoughts}

    def token_weights(
        self, step: Sequence[Example], shares: Mapping[str, float] | None
    ) -> list[float]:
        return example_weights(step, shares, self.normalize)

    def formula(self, thoughts: Collection[str], lam: float | None) -> str:
        shares = self.shares(thoughts, lam)
        return f"L = {weighted_sum(shares)}, each L the {MEANS[self.normalize]}"
