"""Lessons (transcripts with scored texts) and examples (their tokens)."""

from dataclasses import dataclass, field

from mdexp.records.rows import OMITTED
from mdexp.records.transcript import ONLY_ROLE, Segments, read_segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A transcript whose scored segments the student is trained to write.

    `sources` name the paths that it was made from, as `thought/sample`.
    """

    id: str  # problem_id/thought/sample
    problem_id: str
    thought: str
    sample: int  # no two lessons of one (problem, thought) have the same
    segments: Segments
    sources: tuple[str, ...]
    # The epoch in which it is used, from 0; after the last such epoch they repeat. None: every
    # epoch.
    epoch: int | None = None

    def __post_init__(self) -> None:
        read_segments(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training sequence as token ids; `target_ids`, end of sequence included, are scored, but
    for the ranges [start, end) of `unscored`."""

    problem_id: str
    thought: str
    sample: int
    prompt_ids: list[int]
    target_ids: list[int]
    target: str
    unscored: tuple[tuple[int, int], ...] = field(default=(), metadata=OMITTED)
    epoch: int | None = field(default=None, metadata=OMITTED)  # as of its lesson
    # Whose adapter learns it, if the student's roles are separate.
    role: str = field(default=ONLY_ROLE, metadata=OMITTED)

    def scored(self) -> list[bool]:
        """Whether each of `target_ids` is scored."""
        marks = [True] * len(self.target_ids)
        for start, end in self.unscored:
            marks[start:end] = [False] * (end - start)
        return marks

    @property
    def num_scored(self) -> int:
        return len(self.target_ids) - sum(end - start for start, end in self.unscored)
