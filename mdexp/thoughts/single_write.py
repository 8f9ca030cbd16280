"""Thoughts of one text: it states its answer, or holds what a program or solver computes it from.

`next` of such a thought is one write, one run where the text asks for it, and the end.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mdexp.ports import Done, Run, Seen, Step, Write
from mdexp.records import Answer, Expected, ProgramResult, Segment, Transcript
from mdexp.transcripts.opening import opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a thought reads in a text: a stated answer, a program or equations.

    At most one of the three is set.
    """

    text: str  # the cleaned path
    answer: Answer | None = None
    program: str | None = None  # to be run
    equations: str | None = None  # to be solved


Read = Callable[[str, Expected], Reading]
Complete = Callable[[str], str | None]  # as `stop` of a Write


def next_step(
    transcript: Transcript, seen: Seen, *, cue: str, read: Read, complete: Complete
) -> Step:
    """`Thought.next` of a thought that writes once."""
    last = transcript.last
    if last.author == "question":
        return Write(cue=cue, stop=complete)
    text = transcript.by("writer")[-1].text
    return after_text(read(text, seen.expected), last.result)


def after_text(reading: Reading, result: ProgramResult | None) -> Run | Done:
    """The step after a text: the run that it needs, then the outcome."""
    is_computed = reading.program is not None or reading.equations is not None
    if is_computed and result is None:
        return Run(program=reading.program, equations=reading.equations)
    if result is not None:
        return Done(
            text=reading.text,
            answer=result.answer,
            status=result.status,
            error=result.error,
            result=result,
        )
    status = "no_answer" if reading.answer is None else "ok"
    return Done(text=reading.text, answer=reading.answer, status=status)


def shown(question: str, cue: str, text: str) -> tuple[Segment, ...]:
    """Question, cue and the text that answers it, as segments of an exemplar or a lesson."""
    answer = Segment(author="writer", text=text, turn="assistant", scored=True)
    return (*opening(question, cue), answer)
