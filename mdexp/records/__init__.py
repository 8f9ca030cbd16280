"""The records that stages exchange, one JSON object per line: small, frozen, joined by id.

A *problem* is a question with a gold answer. A *transcript* is one line of reasoning of one thought
for one problem: segments by several authors. A *path* is one transcript, by the teacher or by the
student: the class `Path` is the teacher's, `Output` the student's. A *generation* is an output that
was read and graded. `sample` counts the transcripts of one (problem, thought) from 0; for a
student, sample 0 is the greedy one.
"""

from mdexp.records.lesson import Example, Lesson
from mdexp.records.metrics import flat, metric_rows
from mdexp.records.output import Generation, LinearHead, Output, PathScore, Phase, TextScore, Vote
from mdexp.records.path import IN_NO_LESSON, REFUSED, Path, Rejection, ThinkingUse, VerifiedPath
from mdexp.records.problem import (
    LETTERS,
    YES_NO,
    Answer,
    AnswerKind,
    Expected,
    NearDuplicates,
    Overlap,
    Problem,
    Split,
    TextMatch,
    by_id,
)
from mdexp.records.rows import OMITTED, VALIDATION
from mdexp.records.transcript import (
    ONLY_ROLE,
    Author,
    ProgramResult,
    ProgramStatus,
    Segment,
    Segments,
    Transcript,
    TranscriptKey,
    Turn,
    turns_of,
)

__all__ = [
    "IN_NO_LESSON",
    "LETTERS",
    "OMITTED",
    "ONLY_ROLE",
    "REFUSED",
    "VALIDATION",
    "YES_NO",
    "Answer",
    "AnswerKind",
    "Author",
    "Example",
    "Expected",
    "Generation",
    "Lesson",
    "LinearHead",
    "NearDuplicates",
    "Output",
    "Overlap",
    "Path",
    "PathScore",
    "Phase",
    "Problem",
    "ProgramResult",
    "ProgramStatus",
    "Rejection",
    "Segment",
    "Segments",
    "Split",
    "TextMatch",
    "TextScore",
    "ThinkingUse",
    "Transcript",
    "TranscriptKey",
    "Turn",
    "VerifiedPath",
    "Vote",
    "by_id",
    "flat",
    "metric_rows",
    "turns_of",
]
