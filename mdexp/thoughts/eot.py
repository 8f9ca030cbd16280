"""Equation-of-Thought (Liu et al. 2023, arXiv 2310.14628): equations that are solved for `ans`.

Equations may state a relation (`x + 9 = 15`) where a program has to compute a value. `read` keeps
the equations alone, `ans = ...` last: that is solved, verified and trained on.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Done, Seen, Step, Thought
from mdexp.records import Expected, Segment, Transcript
from mdexp.thoughts.equation_text import equations_within
from mdexp.thoughts.single_write import Reading, next_step, shown
from mdexp.transcripts.run_on import up_to_run_on


class EquationOfThought(BaseModel):
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
        return shown(row["question"], self.cue, row["eot"])

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        question = transcript.segments[0].text
        return shown(question, self.cue, done.text)

    def read(self, text: str, expected: Expected) -> Reading:
        complete = self.complete(text)
        system = "\n".join(equations_within(text if complete is None else complete))
        return Reading(text=system, equations=system or None)

    def complete(self, text: str) -> str | None:
        # `ans = ...` is no end: the equations that it needs may follow.
        cut = up_to_run_on(text)
        return cut if cut and not cut.isspace() else None
