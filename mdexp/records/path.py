"""A teacher's transcript: as written, verified or rejected."""

from dataclasses import dataclass, field
from typing import Literal

from mdexp.records.problem import Answer
from mdexp.records.rows import OMITTED
from mdexp.records.transcript import Segments, read_segments

# Finish reasons of paths that the teacher or its server refused to write.
REFUSED = ("content_filter", "refusal")
# How a teacher's thinking is used: not trained on; trained on inside the student's own tags, before
# the target; or as the reasoning itself.
ThinkingUse = Literal["drop", "keep", "only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """What the teacher wrote, unchanged. `segments` is empty if that is one text."""

    problem_id: str
    thought: str
    sample: int
    text: str
    model: str
    finish_reason: str = "stop"
    thinking: str = ""  # sent beside the text; the text may contain thinking, too
    segments: Segments = field(default=(), metadata=OMITTED)
    # The round whose student wrote it, from 1; 0 for the teacher.
    round: int = field(default=0, metadata=OMITTED)

    def __post_init__(self) -> None:
        read_segments(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPath:
    """A path for training: `text` is cleaned, `answer` is its outcome, `thinking` is trained on
    before it. `segments` is empty if it is one text whose result no lesson shows; of several texts,
    each segment has its own thinking."""

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


# The reason of a verified path in unused.jsonl: no lesson is made from it.
IN_NO_LESSON = "in_no_lesson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A path or a lesson that was dropped: `reason` is a word to count by, `detail` is for
    people."""

    problem_id: str
    thought: str
    sample: int
    reason: str
    detail: str = ""
