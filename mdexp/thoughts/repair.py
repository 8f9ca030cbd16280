"""Repair after PaD (Zhu et al. 2023, arXiv 2305.13888): a program that fails is written again.

The writer is shown the interpreter's error, or what the program gave, and rewrites the program, at
most `rounds` times. The gold answer is never shown. Triggers: `exception`, the program gave no
answer; `disagree`, another thought answers otherwise; `oracle`, the answer is wrong (an upper
bound, not a method). Rounds, triggers and the words of the feedback are ours: the paper's are not
public.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import correct, plain, vote_key
from mdexp.ports import Done, Seen, Step, Thought, Write
from mdexp.records import Segment, Transcript
from mdexp.thoughts.nested import InnerThought, from_write


class Repair(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    votes: ClassVar[bool] = True
    unit: ClassVar[Literal["line", "sentence"]] = "line"

    instruction: str
    cue: str  # the inner thought's own, for the first text
    repair_cue: str  # follows the feedback
    trigger: Literal["exception", "disagree", "oracle"]
    witness: str  # the thought whose answer a program has to agree with
    rounds: int = Field(ge=1)
    inner: InnerThought
    inner_name: str = Field(min_length=1)

    @property
    def shows_results(self) -> bool:
        return self.inner.shows_results

    @property
    def max_writes(self) -> int:
        return 1 + self.rounds

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.witness,) if self.trigger == "disagree" else ()

    @property
    def made_from(self) -> Mapping[str, Thought]:
        return {self.inner_name: self.inner}

    @property
    def is_oracle(self) -> bool:
        return self.trigger == "oracle"

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        written = len(transcript.by("writer"))
        step = self.inner.next(from_write(transcript, max(0, written - 1)), seen)
        if not isinstance(step, Done) or written > self.rounds or not self._fails(step, seen):
            return step
        first = self.inner.next(from_write(transcript, written), seen)
        assert isinstance(first, Write), "a thought begins with a text"
        return Write(cue=self.feedback_cue(step), stop=first.stop)

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        return self.inner.exemplar(row)

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        return self.inner.lesson(transcript, done)

    def feedback_cue(self, failed: Done) -> str:
        """The turn that asks for a repair: the interpreter's error, or what the program gave."""
        said = failed.error or failed.status.replace("_", " ")
        finding = said if failed.answer is None else f"It gives {plain(failed.answer)}."
        return f"{finding}\n{self.repair_cue}"

    def _fails(self, done: Done, seen: Seen) -> bool:
        match = seen.expected.match
        match self.trigger:
            case "exception":
                return done.answer is None
            case "disagree":
                witness = seen.others.get(self.witness)
                other = vote_key(witness.answer, match) if witness else None
                return other is not None and other != vote_key(done.answer, match)
            case "oracle":
                assert seen.gold is not None, "an oracle is shown the gold answer"
                return not correct(done.answer, seen.gold, match)
