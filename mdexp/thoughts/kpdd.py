"""Key-Point-Driven Distillation (arXiv 2407.10167): preliminary questions, then the solution.

The student is first asked for the core question, then for the information that helps to answer it,
and solves the problem with both before it. One cue makes the two-stage form of the paper's later
version. One student writes all stages, or with `student.roles=separate` an adapter each; which of
the two the paper did could not be read. The rule below is ours: the paper has no code.

Offline, key points derive from a verified solution: the core question is the last sentence that
asks, and the hints are the sentences whose numbers the solution uses.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import NUMBER_IN_TEXT, canonical
from mdexp.ports import Done, Seen, Step, Thought, Write
from mdexp.records import Segment, Transcript
from mdexp.thoughts.nested import InnerThought, as_next_turn, from_write
from mdexp.thoughts.single_write import shown

_SENTENCE = re.compile(r"[^.?!]*(?:[.?!](?!\s|$)[^.?!]*)*[.?!]?")


class KeyPoints(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    votes: ClassVar[bool] = True
    is_oracle: ClassVar[bool] = False

    instruction: str
    cue: str  # asks for the core question; for all key points where it stands alone
    hints_cue: str | None  # asks for the helpful information
    teacher: Literal["writes", "derived"]  # who makes key points: the teacher or the rule
    inner: InnerThought  # the solution
    inner_name: str = Field(min_length=1)

    @property
    def shows_results(self) -> bool:
        return self.inner.shows_results

    @property
    def max_writes(self) -> int:
        return len(self._cues()) + self.inner.max_writes

    @property
    def roles(self) -> tuple[str, ...]:
        return (*(("core_question", "hints") if self.hints_cue else ("key_points",)), "solution")

    @property
    def reads(self) -> tuple[str, ...]:
        return self.inner.reads

    @property
    def made_from(self) -> Mapping[str, Thought]:
        return {} if self.teacher == "writes" else {self.inner_name: self.inner}

    @property
    def unit(self) -> Literal["line", "sentence"]:
        return self.inner.unit

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        cues, written = self._cues(), len(transcript.by("writer"))
        if written < len(cues):
            return Write(cue=cues[written], stop=_one_paragraph, role=self.roles[written])
        step = self.inner.next(from_write(transcript, len(cues)), seen)
        return replace(step, role=self.roles[-1]) if isinstance(step, Write) else step

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        solution = self.inner.exemplar(row)
        return self._with_key_points(row["question"], solution) if solution else ()

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        if self.teacher == "writes":
            return self._as_written(transcript, done)
        lesson = self.inner.lesson(transcript, done)
        return self._with_key_points(transcript.segments[0].text, lesson) if lesson else ()

    def _cues(self) -> tuple[str, ...]:
        return (self.cue,) if self.hints_cue is None else (self.cue, self.hints_cue)

    def _as_written(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        """The teacher's own key points, then the cleaned solution."""
        texts = transcript.by("writer")[: len(self._cues())]
        points = [_without_blank_lines(text.text.strip()) for text in texts]
        solution = self.inner.lesson(from_write(transcript, len(self._cues())), done)
        return self._joined(transcript.segments[0].text, points, solution) if solution else ()

    def _with_key_points(self, question: str, solution: tuple[Segment, ...]) -> tuple[Segment, ...]:
        core, hints = core_question(question), hints_for(question, solution[-1].text)
        points = [core, hints] if self.hints_cue else [f"{core}\n{hints}"]
        return self._joined(question, points, solution)

    def _joined(
        self, question: str, points: list[str], solution: tuple[Segment, ...]
    ) -> tuple[Segment, ...]:
        first, *further = zip(self._cues(), points, strict=True)
        segments = shown(question, *first)
        for cue, point in further:
            segments += as_next_turn(shown(question, cue, point))
        return segments + as_next_turn(solution)


def core_question(question: str) -> str:
    """The last sentence that asks, else the last sentence."""
    sentences = _sentences(question)
    asking = [sentence for sentence in sentences if sentence.endswith("?")]
    return (asking or sentences or [question.strip()])[-1]


def hints_for(question: str, solution: str) -> str:
    """The sentences of a question whose numbers its solution uses, one a line; else those before
    the question itself."""
    used = {canonical(number) for number in NUMBER_IN_TEXT.findall(solution)}
    sentences = _sentences(question)
    helpful = [s for s in sentences if used & {canonical(n) for n in NUMBER_IN_TEXT.findall(s)}]
    return "\n".join(helpful or sentences[:-1] or sentences)


def _sentences(text: str) -> list[str]:
    """Sentences, each on one line: a blank line within one would end the text that it stands in."""
    return [" ".join(found.split()) for found in _SENTENCE.findall(text) if found.strip()]


def _without_blank_lines(text: str) -> str:
    """A text that the student can write to its end: decoding stops it at its first blank line."""
    return "\n".join(line for line in text.split("\n") if line.strip())


def _one_paragraph(text: str) -> str | None:
    """A growing text up to its first blank line, once it has one."""
    head, blank, _ = text.lstrip().partition("\n\n")
    return head if blank else None
