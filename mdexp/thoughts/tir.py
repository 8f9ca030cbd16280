"""Tool-integrated reasoning (ToRA, arXiv 2309.17452): prose, code that is run, its output, prose.

A text goes on up to a closed code fence; its code is run, and what that printed stands behind the
fence, where the text goes on. The last text states the answer. Outputs are read, never scored.

Blocks see each other's names, as in an interpreter session: each is run behind those before it that
did not fail. What those printed is not shown again.
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import plain
from mdexp.ports import Done, Run, Seen, Step, Thought, Write
from mdexp.records import Answer, ProgramResult, Segment, Transcript
from mdexp.thoughts.nested import InnerThought
from mdexp.transcripts.opening import opening

_FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)\n?```", re.DOTALL)
_RAN = ("ok", "no_answer")  # names that such a block binds are there in the next


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
    max_output: int = Field(default=300, ge=1)  # characters of a run's output that are shown
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
            cue = self._output(_results(transcript))
            return Write(cue=cue, stop=_up_to_fence_or(first.stop), continues=True)
        if texts[-1].text.endswith("```") and len(texts) <= self.max_runs:
            return Run(program=_program(transcript))
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
        results = _results(transcript)
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
            Segment(author="cue", text=self._output([result])),
            Segment(author="writer", text=f"The answer is {plain(answer)}.", scored=True),
        )

    def _output(self, results: Sequence[ProgramResult]) -> str:
        """What stands behind the fence of the last run: see `_new_output`."""
        return f"\n```output\n{_new_output(results)[: self.max_output]}\n```\n"


def _alone(transcript: Transcript, texts: list[Segment]) -> Transcript:
    """The question with the last text alone, which is where an answer is stated."""
    return replace(transcript, segments=(transcript.segments[0], *texts))


def _results(transcript: Transcript) -> list[ProgramResult]:
    return [s.result for s in transcript.by("executor") if s.result is not None]


def _program(transcript: Transcript) -> str:
    """The code of the last text, behind that of earlier ones which ran: each run begins anew."""
    codes = ["\n".join(_FENCED.findall(text.text)) for text in transcript.by("writer")]
    ran = [result.status in _RAN for result in _results(transcript)]
    return "\n".join([*itertools.compress(codes, ran), codes[-1]])


def _new_output(results: Sequence[ProgramResult]) -> str:
    """What the last run printed beyond those before it, and the error that ended it. Where it
    printed nothing, its answer or why it has none; empty where the run before came to the same."""
    last = results[-1]
    before = next((result for result in reversed(results[:-1]) if result.status in _RAN), None)
    printed = last.stdout.removeprefix(before.stdout if before else "").strip()
    if last.status not in _RAN:
        return "\n".join(filter(None, [printed, last.error or last.status]))
    if before and (before.answer, before.error) == (last.answer, last.error):
        return printed
    return printed or (last.error if last.answer is None else plain(last.answer))


def _up_to_fence_or(stop: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """A growing text up to the end of its first closed code fence; without any fence, as far as
    `stop` says."""

    def cut(text: str) -> str | None:
        if found := _FENCED.search(text):
            return text[: found.end()]
        return None if "```" in text else stop(text)

    return cut
