"""The union of ETD (arXiv 2401.11864): one mean over all examples, whatever their thought."""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Literal

from mdexp.config.blocks import Block
from mdexp.records import Example
from mdexp.training.objective import example_weights
from mdexp.training.objectives.formula import MEANS, ignored_lambda


class UnionObjective(Block):
    name: ClassVar[str] = "union"

    normalize: Literal["token", "example"]  # what the mean is over
    pairing: Literal["both", "any"]  # without shares both are the same

    def why_not(self, thoughts: Collection[str], lam: float | None) -> str | None:
        return None if lam is None else ignored_lambda(self.name, lam)

    def shares(self, thoughts: Collection[str], lam: float | None) -> None:
        return None

    def token_weights(
        self, step: Sequence[Example], shares: Mapping[str, float] | None
    ) -> list[float]:
        return example_weights(step, shares, self.normalize)

    def formula(self, thoughts: Collection[str], lam: float | None) -> str:
        mean = MEANS[self.normalize]
        return f"L = one {mean}, over the targets of {', '.join(thoughts)} together"
