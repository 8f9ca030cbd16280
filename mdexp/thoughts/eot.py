"""Equation-of-Thought (Liu et al. 2023, arXiv 2310.14628): equations that are solved for `ans`.

Equations may say what holds (`x + 9 = 15`) where a program has to say how to compute it. `read`
keeps the equations alone, `ans = ...` last: that is solved, verified and trained on.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Reading
from mdexp.records import Answer
from mdexp.thoughts.equation_text import equations_within
from mdexp.thoughts.prose import up_to_run_on


class EquationOfThought(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    instruction: str
    cue: str

    def exemplar(self, row: Mapping[str, Any]) -> str:
        return row["eot"]

    def read(self, text: str) -> Reading:
        complete = self.complete(text)
        system = "\n".join(equations_within(text if complete is None else complete))
        return Reading(text=system, equations=system or None)

    def complete(self, text: str) -> str | None:
        # `ans = ...` is no end: the equations that it needs may follow.
        cut = up_to_run_on(text)
        return cut if cut and not cut.isspace() else None

    def target(self, text: str, answer: Answer) -> str:
        return text
