"""Self-taught reasoner (STaR, Zelikman et al. 2022, arXiv 2203.14465).

A later round trains the base student again on its own right paths. What it got wrong it writes once
more with the gold answer as a hint behind the question; a path that then is right is learned from
without the hint, since lessons have the problem's own question. The teacher's paths are those of
the first round alone, as the paper's few shots are; `keep_teacher` keeps them where the student has
no right path of a thought.
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdexp.lessons.strategy import strategy_of
from mdexp.ports import Thought
from mdexp.records import Problem, VerifiedPath


class SelfTaughtReasoner(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    num_paths: int = Field(ge=1)
    hint: str
    keep_teacher: bool

    @field_validator("hint")
    @classmethod
    def _holds_the_answer(cls, hint: str) -> str:
        if "{answer}" not in hint:
            raise ValueError(f"got {hint!r}, expected a text that holds {{answer}}")
        return hint

    def choose(
        self,
        problem: Problem,
        taught: Sequence[VerifiedPath],
        own: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
    ) -> Sequence[VerifiedPath]:
        solved = {strategy_of(path, thoughts).name for path in own}
        kept = [p for p in taught if self.keep_teacher and p.thought not in solved]
        return [*kept, *own]
