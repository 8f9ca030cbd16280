"""Tool-integrated reasoning (ToRA, arXiv 2309.17452): prose, code that is run, its output, prose.

A text goes on up to a closed code fence; the code so far is run, and what it printed stands behind
the fence, where the text goes on. The last text states the answer. Outputs are read, never scored.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import plain
from mdexp.ports import Done, Run, Seen, Step, Thought, Write
from mdexp.records import Answer, ProgramResult, Segment, Transcript
from mdexp.thoughts.nested import InnerThought
from mdexp.transcripts.opening import opening

_FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)\n?```", re.DOTALL)
MAX_OUTPUT = 300  # characters


class ToolIntegrated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    votes: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    is_oracle: ClassVar[bool] = False
    shows_results: ClassVar[bool] = True
    unit: ClassVar[Literal["line", "sentence"]] = "sentence"

    instruction: str
    cue: str
    lead: str  # the prose before the code of a derived lesson
    max_runs: int = Field(ge=1)
    inner: InnerThought  # reads the answer that the last text states
    source: InnerThought  # writes programs, of which lessons are made
    source_name: str = Field(min_length=1)

    @property
    def max_writes(self) -> int:
        return 1 + self.max_runs

    @property
    def made_from(self) -> Mapping[str, Thought]:
        return {self.source_name: self.source}

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        texts, last = transcript.by("writer"), transcript.last
        end = self.inner.next(_alone(transcript, texts[-1:]), seen)
        if not texts:
            assert isinstance(end, Write), "a thought begins with a text"
            return Write(cue=self.cue, stop=_up_to_fence_or(end.stop))
        if last.result is not None:
            first = self.inner.next(_alone(transcript, []), seen)
            assert isinstance(first, Write), "a thought begins with a text"
            return Write(cue=_output(last.result), stop=_up_to_fence_or(first.stop), continues=True)
        if texts[-1].text.endswith("```") and len(texts) <= self.max_runs:
            return Run(program=_program([text.text for text in texts]))
        return end

    def exemplar(self, row: Mapping[str, Any]) -> tuple[Segment, ...]:
        shown = self.source.exemplar(row)
        if not shown:
            return ()
        # An exemplar's program prints nothing, and binds its answer.
        result = ProgramResult(status="ok", answer=row["answer"])
        return self._interleaved(row["question"], shown[-1].text, result, row["answer"])

    def lesson(self, transcript: Transcript, done: Done) -> tuple[Segment, ...]:
        """The program of a verified path with what it printed when that was verified; empty where
        the path holds no program, as when its answer stands in the text alone."""
        assert done.answer is not None, "a verified path has an answer"
        results = [s.result for s in transcript.by("executor") if s.result is not None]
        if not results:
            return ()
        return self._interleaved(transcript.segments[0].text, done.text, results[-1], done.answer)

    def _interleaved(
        self, question: str, program: str, result: ProgramResult, answer: Answer
    ) -> tuple[Segment, ...]:
        return (
            *opening(question, self.cue),
            Segment(
                author="writer",
                text=f"{self.lead}\n```python\n{program}\n```",
                turn="assistant",
                scored=True,
            ),
            Segment(author="executor", text=result.stdout, result=result),
            Segment(author="cue", text=_output(result)),
            Segment(author="writer", text=f"The answer is {plain(answer)}.", scored=True),
        )


def _alone(transcript: Transcript, texts: list[Segment]) -> Transcript:
    """The question with the last text alone, which is where an answer is stated."""
    return replace(transcript, segments=(transcript.segments[0], *texts))


def _program(texts: list[str]) -> str:
    """All code so far, the earlier pieces included: each run begins anew."""
    return "\n".join(code for text in texts for code in _FENCED.findall(text))


def _output(result: ProgramResult) -> str:
    """What stands behind a fence: what was printed, else the answer, else the error."""
    answer = "" if result.answer is None else plain(result.answer)
    said = (result.stdout.strip() or answer or result.error or result.status)[:MAX_OUTPUT]
    return f"\n```output\n{said}\n```\n"


def _up_to_fence_or(stop: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """A growing text up to the end of its first closed code fence; without any fence, as far as
    `stop` says."""

    def cut(text: str) -> str | None:
        if found := _FENCED.search(text):
            return text[: found.end()]
        return None if "```" in text else stop(text)

    return cut
