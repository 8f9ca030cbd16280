"""A teacher's transcript, as it was written, verified or dropped."""

from dataclasses import dataclass, field
from typing import Literal

from mdexp.records.problem import Answer
from mdexp.records.rows import OMITTED
from mdexp.records.transcript import Segments, read_segments

# How a path ends that the teacher or its server refuses to write.
REFUSED = ("content_filter", "refusal")
# What becomes of a teacher's thinking: it is not trained on; it is trained on inside the student's
# own tags, before the target; it is itself the reasoning that is trained on.
ThinkingUse = Literal["drop", "keep", "only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """What the teacher wrote, untouched. `segments` is empty where that was one text."""

    problem_id: str
    thought: str
    sample: int
    text: str
    model: str
    finish_reason: str = "stop"
    thinking: str = ""  # what the server sent apart from the text; it may stand in the text, too
    segments: Segments = field(default=(), metadata=OMITTED)
    # The round whose student wrote it, from 1; 0: the teacher did.
    round: int = field(default=0, metadata=OMITTED)

    def __post_init__(self) -> None:
        read_segments(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPath:
    """A path that may be trained on: `text` is cleaned, `answer` is what it leads to, `thinking`
    what is trained on before it. `segments` is empty where it is one text whose result no lesson
    shows; of several texts each holds its own thinking."""

    problem_id: str
    thought: str
    sample: int
    text: str
    answer: Answer
    model: str
    thinking: str = ""
    segments: Segments = field(default=(), metadata=OMITTED)
    round: int = field(default=0, metadata=OMITTED)  # as of its path

    def __post_init__(self) -> None:
        read_segments(self)


# Of a verified path that is named among the unused: no lesson is made of it.
IN_NO_LESSON = "in_no_lesson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A path or a lesson that was dropped, and why: `reason` is a word to count by, `detail` is for
    people."""

    problem_id: str
    thought: str
    sample: int
    reason: str
    detail: str = ""
