"""Program-of-Thought (Chen et al. 2022, arXiv 2211.12588): Python that is run to get the answer.

Programs come as bare assignments, as solution() or solver() functions with their imports, in
fences, with prose around them. `read` brings them to one form, which is what is run, verified and
trained on: straight-line code that binds `ans`, where that is the same program. Reading parses a
program; it never runs it.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Reading
from mdexp.records import Answer
from mdexp.thoughts.program_form import canonical_form
from mdexp.thoughts.program_text import program_within, up_to_next_question


class ProgramOfThought(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    instruction: str
    cue: str

    def exemplar(self, row: Mapping[str, Any]) -> str:
        return row["pot"]

    def read(self, text: str) -> Reading:
        complete = self.complete(text)
        program = canonical_form(program_within(text if complete is None else complete))
        return Reading(text=program, program=program) if program else Reading(text="")

    def complete(self, text: str) -> str | None:
        # Neither a closed fence nor `ans = ...` is an end: a later block may correct the program,
        # and a later line may bind `ans` again.
        return up_to_next_question(text)

    def target(self, text: str, answer: Answer) -> str:
        return text
