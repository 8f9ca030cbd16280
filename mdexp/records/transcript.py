"""Transcripts: one line of reasoning, in segments by several authors."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from mdexp.records.problem import Answer
from mdexp.records.rows import OMITTED

Author = Literal["question", "cue", "writer", "executor"]
Turn = Literal["user", "assistant"]
ONLY_ROLE = "student"  # the role of every text, unless the student's roles are separate
ProgramStatus = Literal[
    "ok",
    "syntax_error",
    "runtime_error",
    "timeout",
    "memory",
    "output",
    "forbidden",
    "unsupported",
    "no_answer",
    # of equations only
    "ambiguous",
    "underdetermined",
    "inconsistent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramResult:
    """The result of a program or system of equations. `answer` is set only if `status` is `ok`."""

    status: ProgramStatus
    answer: Answer | None = None
    error: str = ""  # exception class, message and line
    stdout: str = ""  # capped
    seconds: float = 0.0
    tier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a transcript by one author.

    The writer is given the question and cues, and continues after them. It sees the executor's
    result only through a later cue. `turn` opens a new turn of a chat; without it, the segment
    continues the text before it.
    """

    author: Author
    text: str
    turn: Turn | None = field(default=None, metadata=OMITTED)
    # Whose adapter writes it, if the student's roles are separate.
    role: str = field(default=ONLY_ROLE, metadata=OMITTED)
    # In a lesson: the student is trained to write it.
    scored: bool = field(default=False, metadata=OMITTED)
    # In a lesson: thinking before the text, for the student's own tags; the text may also contain
    # thinking.
    thinking: str = field(default="", metadata=OMITTED)
    # In an executor's segment.
    result: ProgramResult | None = field(default=None, metadata=OMITTED)
    num_tokens: int = field(default=0, metadata=OMITTED)
    # False: the token limit cut it short.
    finished: bool = field(default=True, metadata=OMITTED)
    # Mean log-probability of its tokens under its writer, nats.
    logprob: float | None = field(default=None, metadata=OMITTED)

    def __post_init__(self) -> None:
        if isinstance(self.result, dict):  # as JSON has it
            object.__setattr__(self, "result", ProgramResult(**self.result))


Segments = tuple[Segment, ...]


def read_segments(row: Any) -> None:
    """Turn JSON mappings into Segments."""
    found = tuple(Segment(**s) if isinstance(s, dict) else s for s in row.segments)
    object.__setattr__(row, "segments", found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A conversation about a problem, in order; the first segment is the question."""

    problem_id: str
    thought: str
    sample: int
    segments: tuple[Segment, ...]
    round: int = 0

    def after(self, *segments: Segment) -> "Transcript":
        """The transcript with further segments at its end."""
        return replace(self, segments=(*self.segments, *segments))

    @property
    def last(self) -> Segment:
        return self.segments[-1]

    def by(self, author: Author) -> list[Segment]:
        return [segment for segment in self.segments if segment.author == author]


def turns_of(segments: Sequence[Segment]) -> list[tuple[Turn, str]]:
    """The turns of a chat, without the executor's segments."""
    turns: list[tuple[Turn, str]] = []
    for segment in segments:
        if segment.author == "executor":
            continue
        if segment.turn:
            turns.append((segment.turn, segment.text))
        else:
            turn, text = turns[-1]
            turns[-1] = (turn, text + segment.text)
    return turns


class TranscriptKey(NamedTuple):
    """Identifies a transcript of a run, to look up its outcome."""

    problem_id: str
    thought: str
    sample: int
    phase: str = ""  # of a teacher's
