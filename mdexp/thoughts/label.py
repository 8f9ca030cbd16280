"""Label: the answer alone, without reasoning. The baseline that every thought has to beat.

It may learn from another thought's recorded answers: then no teacher is asked for it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import plain
from mdexp.ports import Done, Seen, Step, Thought
from mdexp.records import Answer, Expected, Segment, Transcript
from mdexp.thoughts.nested import InnerThought
from mdexp.thoughts.prose import read_prose
from mdexp.thoughts.single_write import Reading, next_step, shown
from mdexp.transcripts.run_on import up_to_run_on


class Label(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    max_writes: ClassVar[int] = 1
    votes: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    is_oracle: ClassVar[bool] = False
    shows_results: ClassVar[bool] = False
    unit: ClassVar[Literal["line", "sentence"]] = "sentence"

    instruction: str
    cue: str
    # By name. Out of keys where there is none: older runs keep theirs.
    learns_from: dict[str, InnerThought] = Field({}, exclude_if=lambda thoughts: not thoughts)

    @property
    def made_from(self) -> Mapping[str, Thought]:
        return self.learns_from

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        return next_step(transcript, seen, cue=self.cue, read=self.read, complete=self.complete)

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        return shown(row["question"], self.cue, self.target("", row["answer"]))

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        question = transcript.segments[0].text
        return shown(question, self.cue, self.target("", done.answer))

    def read(self, text: str, expected: Expected) -> Reading:
        return Reading(text="", answer=read_prose(text, expected).answer)

    def complete(self, text: str) -> str | None:
        return up_to_run_on(text)

    def target(self, text: str, answer: Answer | None) -> str:
        assert answer is not None, "a verified path has an answer"
        return f"The answer is {plain(answer)}."
