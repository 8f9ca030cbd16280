"""Auxiliary lessons beside a main objective: L = (1 − Σ aᵢ) L_main + Σ aᵢ Lᵢ.

The lessons of some thoughts, such as repairs of faulty programs (PaD, arXiv 2305.13888), have
shares aᵢ of the loss. A step may lack them: an absent one contributes 0, and the main objective
keeps its weight.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SkipValidation,
    model_validator,
)

from mdexp.config.blocks import Block, Count
from mdexp.ports import Objective
from mdexp.ports.parts import built, described
from mdexp.records import Example
from mdexp.training.objective import example_weights
from mdexp.training.objectives.formula import MEANS

MainObjective = Annotated[
    SkipValidation[Objective], BeforeValidator(built), PlainSerializer(described)
]
OwnShare = Annotated[float, Field(gt=0, lt=1)]
# The yaml has null: an empty mapping could not be filled on the command line.
OwnShares = Annotated[dict[str, OwnShare], BeforeValidator(lambda shares: shares or {})]


class AuxiliaryObjective(Block):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: ClassVar[str] = "auxiliary"

    main: MainObjective  # of all other thoughts
    auxiliary: OwnShares  # the share of the loss of each thought with auxiliary lessons
    per_problem: Count | None  # most lessons of such a thought from a problem in a step
    normalize: Literal["token", "example"]  # what an auxiliary thought's mean is over

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if not isinstance(self.main, Objective):
            raise ValueError(f"main must be an objective, got {type(self.main).__name__}")
        if self.main_share <= 0:
            raise ValueError(
                "auxiliary: the shares must sum to less than 1, which leaves the rest to main, "
                f"got {sum(self.auxiliary.values()):g}"
            )
        return self

    @property
    def pairing(self) -> Literal["both", "any"]:
        """The pairing of the main objective; auxiliary lessons are never required of a problem."""
        return self.main.pairing

    @property
    def main_share(self) -> float:
        return 1 - sum(self.auxiliary.values())

    def why_not(self, thoughts: Collection[str], lam: float | None) -> str | None:
        chosen = ", ".join(thoughts)
        if other := [thought for thought in self.auxiliary if thought not in thoughts]:
            return (
                f"objective.auxiliary names {', '.join(other)}, which is none of the chosen "
                f"thoughts {chosen}"
            )
        if not self._main(thoughts):
            return f"objective.auxiliary names all of {chosen}: leave one to objective.main"
        fault = self.main.why_not(self._main(thoughts), lam)
        return fault and fault.replace("objective.", "objective.main.")

    def shares(self, thoughts: Collection[str], lam: float | None) -> Mapping[str, float] | None:
        """The shares of L_main; only these thoughts need a target in every step."""
        return self.main.shares(self._main(thoughts), lam)

    def token_weights(
        self, step: Sequence[Example], shares: Mapping[str, float] | None
    ) -> list[float]:
        groups: dict[str | None, list[int]] = defaultdict(list)  # None: of the main objective
        for place, example in enumerate(step):
            groups[example.thought if example.thought in self.auxiliary else None].append(place)
        weights = [0.0] * len(step)
        for group, places in groups.items():
            for place, weight in zip(
                places, self._weights(group, [step[i] for i in places], shares), strict=True
            ):
                weights[place] = weight
        return weights

    def formula(self, thoughts: Collection[str], lam: float | None) -> str:
        main = self.main.formula(self._main(thoughts), lam)
        if not self.auxiliary:
            return main
        shares = [f"{share:g} L_{thought}" for thought, share in self.auxiliary.items()]
        return (
            f"L = {self.main_share:g} L_main + {' + '.join(shares)}, L_main: {main}; "
            f"each auxiliary L the {MEANS[self.normalize]}, 0 in a step without a target"
        )

    def _main(self, thoughts: Collection[str]) -> list[str]:
        return [thought for thought in thoughts if thought not in self.auxiliary]

    def _weights(
        self, thought: str | None, step: Sequence[Example], shares: Mapping[str, float] | None
    ) -> list[float]:
        if thought is None:
            return [self.main_share * w for w in self.main.token_weights(step, shares)]
        return example_weights(step, {thought: self.auxiliary[thought]}, self.normalize)
