"""Rejection-sampling fine-tuning (RFT, Yuan et al. 2023, arXiv 2308.01825).

A later round trains the base student again on the teacher's paths, all of which stay, and on its
own right paths that compute something new: one for each list of equations, the first that comes.
The paper's code takes, of equal ones, the path that differs most from the others in its letters,
and drops paths with a wrong calculator mark; neither is done here.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.lessons.path_equations import equations_of
from mdexp.lessons.strategy import strategy_of
from mdexp.ports import Thought
from mdexp.records import Problem, VerifiedPath


class RejectionSampling(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    hint: ClassVar[str | None] = None

    num_paths: int = Field(ge=1)
    distinct: Literal["equations", "text"]  # when two paths of a thought are two

    def choose(
        self,
        problem: Problem,
        taught: Sequence[VerifiedPath],
        own: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
    ) -> Sequence[VerifiedPath]:
        chosen = list(taught)
        seen = {self._key(path, thoughts) for path in taught}
        for path in own:
            if (key := self._key(path, thoughts)) not in seen:
                seen.add(key)
                chosen.append(path)
        return chosen

    def _key(self, path: VerifiedPath, thoughts: Mapping[str, Thought]) -> tuple[str, str]:
        name, _, text = strategy_of(path, thoughts)
        return name, text if self.distinct == "text" else equations_of(path, thoughts)
