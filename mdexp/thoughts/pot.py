"""Program-of-Thought (Chen et al. 2022, arXiv 2211.12588): Python that is run to get the answer.

Programs come as bare assignments, as solution() or solver() functions with their imports, in
fences, with prose around them. `read` brings them to one form, which is what is run, verified and
trained on: straight-line code that binds `ans`, where that is the same program. Reading parses a
program; it never runs it.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Reading
from mdexp.records import Answer, Expected
from mdexp.thoughts.program_form import canonical_form
from mdexp.thoughts.program_text import program_within
from mdexp.thoughts.prose import up_to_run_on

_CLOSED = re.compile(r"(?>.*?```).*?\n```", re.DOTALL)
_BOUND = re.compile(r"(?:.*\n)??ans\s*=[^\n]+(?=\n[ \t]*\n)", re.DOTALL)


class ProgramOfThought(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    instruction: str
    cue: str

    def exemplar(self, row: Mapping[str, Any]) -> str:
        return row["pot"]

    def read(self, text: str, expected: Expected) -> Reading:
        program = canonical_form(program_within(text))
        return Reading(text=program, program=program) if program else Reading(text="")

    def complete(self, text: str, expected: Expected) -> str | None:
        # A closed fence, or an `ans = ...` with a blank line after it: a program may bind it again.
        end = _CLOSED.match(text) or _BOUND.match(text)
        return text[: end.end()] if end else up_to_run_on(text)

    def target(self, text: str, answer: Answer) -> str:
        return text
