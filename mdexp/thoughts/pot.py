"""Program-of-Thought (Chen et al. 2022, arXiv 2211.12588): Python that is run to get the answer.

Programs come as bare assignments, as solution() or solver() functions with their imports, in
fences, with prose around them. `read` brings them to one form, which is what is run, verified and
trained on: straight-line code that binds `ans`, where that is the same program. Reading parses a
program; it never runs it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Done, Seen, Step, Thought
from mdexp.records import Expected, Segment, Transcript
from mdexp.thoughts.program_form import canonical_form
from mdexp.thoughts.program_text import program_within, up_to_next_question
from mdexp.thoughts.single_write import Reading, next_step, shown


class ProgramOfThought(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    max_writes: ClassVar[int] = 1
    votes: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    made_from: ClassVar[Mapping[str, Thought]] = {}
    is_oracle: ClassVar[bool] = False
    shows_results: ClassVar[bool] = False
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
        complete = self.complete(text)
        program = canonical_form(program_within(text if complete is None else complete))
        return Reading(text=program, program=program) if program else Reading(text="")

    def complete(self, text: str) -> str | None:
        # Neither a closed fence nor `ans = ...` is an end: a later block may correct the program,
        # and a later line may bind `ans` again.
        return up_to_next_question(text)
