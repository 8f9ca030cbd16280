"""Equation-of-Thought (Liu et al. 2023, arXiv 2310.14628): equations that are solved for `ans`.

Equations may say what holds (`x + 9 = 15`) where a program has to say how to compute it. `read`
keeps the equations alone, `ans = ...` last: that is solved, verified and trained on.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Reading
from mdexp.records import Answer, Expected
from mdexp.thoughts.equation_text import equations_within
from mdexp.thoughts.prose import up_to_run_on

_ANSWERED = re.compile(r"(?:.*\n)??[ \t]*ans[ \t]*=[^\n]+(?=\n)", re.DOTALL)


class EquationOfThought(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    instruction: str
    cue: str

    def exemplar(self, row: Mapping[str, Any]) -> str:
        return row["eot"]

    def read(self, text: str, expected: Expected) -> Reading:
        system = "\n".join(equations_within(text))
        return Reading(text=system, equations=system or None)

    def complete(self, text: str, expected: Expected) -> str | None:
        # `ans = ...` is the last line of a target; an equation cannot change what it says.
        end = _ANSWERED.match(text)
        return text[: end.end()] if end else up_to_run_on(text)

    def target(self, text: str, answer: Answer) -> str:
        return text
