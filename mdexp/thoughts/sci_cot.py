"""Sci-CoT (arXiv 2308.04679): a rationale is written first, and the answer follows from it.

Two texts: the rationale, then the answer, which a second turn asks for with question and
rationale before it. One student writes both, or with `student.roles=separate` an adapter each on
one base: whether the paper's two stages share a model could not be read. That the two are parts is
the paper's, the words of both cues are ours: the paper has no code.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.ports import Done, Seen, Step, Thought, Write
from mdexp.records import Segment, Transcript
from mdexp.thoughts.nested import InnerThought, as_next_turn, from_write
from mdexp.thoughts.prose import read_prose
from mdexp.thoughts.single_write import shown


class RationaleThenAnswer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    max_writes: ClassVar[int] = 2
    votes: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    is_oracle: ClassVar[bool] = False
    shows_results: ClassVar[bool] = False
    unit: ClassVar[Literal["line", "sentence"]] = "sentence"
    roles: ClassVar[tuple[str, ...]] = ("rationale", "answer")

    instruction: str
    cue: str  # asks for the rationale
    inner: InnerThought  # the answer alone, from question and rationale
    source: InnerThought  # rationale and answer in one text, of which lessons are made
    source_name: str = Field(min_length=1)

    @property
    def made_from(self) -> Mapping[str, Thought]:
        return {self.source_name: self.source}

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        texts = transcript.by("writer")
        if not texts:
            first = self.source.next(transcript, seen)
            assert isinstance(first, Write), "a thought begins with a text"
            return Write(cue=self.cue, stop=first.stop, role=self.roles[0])
        step = self.inner.next(from_write(transcript, 1), seen)
        if isinstance(step, Write):
            return replace(step, role=self.roles[1])
        if isinstance(step, Done):
            return replace(step, text=read_prose(texts[0].text, seen.expected).text)
        return step

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        answer = self.inner.exemplar(row)
        return (*shown(row["question"], self.cue, row["cot"]), *as_next_turn(answer))

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        rationale = shown(transcript.segments[0].text, self.cue, done.text)
        return (*rationale, *as_next_turn(self.inner.lesson(transcript, done)))
