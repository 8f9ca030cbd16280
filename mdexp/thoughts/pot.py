"""Program-of-Thought (Chen et al. 2022, arXiv 2211.12588): Python that is run to get the answer.

Programs come as bare assignments, as solution() or solver() functions with their imports, in
fences, with prose around them. `read` brings them to one form, which is what is run, verified and
trained on: straight-line code that binds `ans`, where that is the same program. Reading parses a
program; it never runs it.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Done, Seen, Step, Thought
from mdexp.records import Expected, Segment, Transcript
from mdexp.thoughts.program_form import canonical_form
from mdexp.thoughts.program_text import program_within
from mdexp.thoughts.prose import up_to_run_on
from mdexp.thoughts.single_write import Reading, next_step, shown

_CLOSED = re.compile(r"(?>.*?```).*?\n```", re.DOTALL)
_BOUND = re.compile(r"(?:.*\n)??ans\s*=[^\n]+(?=\n[ \t]*\n)", re.DOTALL)


class ProgramOfThought(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    max_writes: ClassVar[int] = 1
    votes: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    made_from: ClassVar[Mapping[str, Thought]] = {}
    is_oracle: ClassVar[bool] = False
    unit: ClassVar[Literal["line", "sentence"]] = "line"

    instruction: str
    cue: str

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        return next_step(transcript, seen, cue=self.cue, read=self.read, complete=self.complete)

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        return shown(row["question"], self.cue, row["pot"])

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        question = transcript.segments[0].text
        return shown(question, self.cue, done.text)

    def read(self, text: str, expected: Expected) -> Reading:
        program = canonical_form(program_within(text))
        return Reading(text=program, program=program) if program else Reading(text="")

    def complete(self, text: str, expected: Expected) -> str | None:
        # A closed fence, or an `ans = ...` with a blank line after it: a program may bind it again.
        end = _CLOSED.match(text) or _BOUND.match(text)
        return text[: end.end()] if end else up_to_run_on(text)
