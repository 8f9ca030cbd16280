"""Mixed Distillation (arXiv 2312.10730): one thought has the share λ of the loss, the other the
rest."""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Literal

from mdexp.config.blocks import Block
from mdexp.records import Example
from mdexp.training.objective import example_weights
from mdexp.training.objectives.formula import MEANS, weighted_sum


class DualObjective(Block):
    name: ClassVar[str] = "dual"

    lambda_thought: str  # the thought that λ weighs, whatever the order of thoughts
    normalize: Literal["token", "example"]  # what a thought's mean is over
    pairing: Literal["both", "any"]  # both: only problems with every thought of the mix

    def why_not(self, thoughts: Collection[str], lam: float | None) -> str | None:
        chosen = ", ".join(thoughts)
        if len(thoughts) != 2:
            return (
                f"objective=dual weighs exactly two thoughts, got {chosen}; "
                "choose objective=union or objective=weighted"
            )
        if self.lambda_thought not in thoughts:
            return f"objective.lambda_thought must be one of {chosen}, got {self.lambda_thought}"
        if lam is None:
            return "lambda: objective=dual needs a number in [0, 1], got null"
        return None

    def shares(self, thoughts: Collection[str], lam: float | None) -> dict[str, float]:
        assert lam is not None, "judged"
        return {t: lam if t == self.lambda_thought else 1 - lam for t in thoughts}

    def token_weights(
        self, step: Sequence[Example], shares: Mapping[str, float] | None
    ) -> list[float]:
        return example_weights(step, shares, self.normalize)

    def formula(self, thoughts: Collection[str], lam: float | None) -> str:
        symbols = {t: "λ" if t == self.lambda_thought else "(1−λ)" for t in thoughts}
        general = " + ".join(f"{symbols[thought]} L_{thought}" for thought in thoughts)
        numbers = weighted_sum(self.shares(thoughts, lam))
        return f"L = {general} = {numbers}, each L the {MEANS[self.normalize]}"
