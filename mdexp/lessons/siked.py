"""SIKeD: self-guided iterative knowledge distillation (Adarsh et al. 2024, arXiv 2410.18574).

A student that chooses among several thoughts (thought=auto) soon writes one of them alone. Rounds
mend that: its own right paths show which of them it can do, and the teacher's show the others.

    all     the teacher's paths and all own right ones
    mixed   the teacher's only of the thoughts by which the student solves the problem by no path
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.lessons.strategy import strategy_of
from mdexp.ports import Thought
from mdexp.records import Problem, VerifiedPath


class SelfGuidedDistillation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    hint: ClassVar[str | None] = None

    num_paths: int = Field(ge=1)
    mixture: Literal["all", "mixed"]

    def choose(
        self,
        problem: Problem,
        taught: Sequence[VerifiedPath],
        own: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
    ) -> Sequence[VerifiedPath]:
        if self.mixture == "all":
            return [*taught, *own]
        solved = {strategy_of(path, thoughts).name for path in own}
        return [*(p for p in taught if strategy_of(p, thoughts).name not in solved), *own]
