"""Counts of decoding: what it computed, how much of it was useful, and what could not share a
prefix."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.resume_cache import ResumeCache

if TYPE_CHECKING:
    from mdexp.decoding.served_probe import Probe

log = logging.getLogger(__name__)

Record = TypeVar("Record")


@dataclass(slots=True, kw_only=True)
class DecodeStats:
    """Counts of one decoding. A row-step is one token computed for one row of a batch; useful, if
    the row was open."""

    row_steps: int = 0
    useful: int = 0
    # Rows that began or went on behind what was read of their texts, which is held once a prefix.
    sharing: int = 0
    unshared: dict[str, int] = field(default_factory=dict)  # rows, by why each has its own cache
    kept: ResumeCache | None = None
    unplaced: int = 0  # prompts longer than the student's positions: their answers are empty
    found: int = 0  # answers that a killed run had kept
    read_again: int = 0  # texts that were continued and could not be kept
    read_by_scorer: int = 0  # tokens that the run's scorer read for beams
    behind_ends: int = 0  # tokens that a server wrote behind the end of a text
    split_tokens: int = 0  # texts whose continuation re-split their last token
    served: "Probe | None" = None  # how far the server's model is from the trained student

    def kept_or(
        self,
        requests: Sequence[DecodingRequest],
        limits: DecodingLimits,
        record: type[Record],
        write: Callable[[], list[Record]],
    ) -> list[Record]:
        """The records of requests that are answered together: found in the cache, or written now
        and kept."""
        if self.kept is None:
            return write()
        if (found := self.kept.find(requests, limits, record)) is not None:
            self.found += len(found) * self.kept.was_resumed(requests, limits)
            return found
        written = write()
        self.kept.keep(requests, limits, written)
        return written

    def remove_kept(self) -> None:
        """Delete the cache for resuming: the stage's output has everything."""
        if self.kept:
            self.kept.remove()

    def add(self, other: "DecodeStats") -> None:
        """Add the counts of another rank."""
        for name in (
            "row_steps",
            "useful",
            "sharing",
            "unplaced",
            "read_again",
            "read_by_scorer",
            "behind_ends",
            "split_tokens",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for why, rows in other.unshared.items():
            self.unshared[why] = self.unshared.get(why, 0) + rows

    def count_unshared(self, rows: int, why: str) -> None:
        if why not in self.unshared:
            log.warning("each row reads and keeps the whole prompt: %s", why)
        self.unshared[why] = self.unshared.get(why, 0) + rows

    def count_unplaced(self, prompts: int) -> None:
        if prompts and not self.unplaced:
            log.warning("a prompt is longer than the student's positions: its answer is empty")
        self.unplaced += prompts

    def counts(self) -> dict[str, Any]:
        """For a stage's counts; row-steps are missing where a server did the work."""
        found: dict[str, Any] = {}
        if self.served:
            found["served_model"] = str(self.served)
        if self.found:
            found["answers_kept_by_a_killed_run"] = self.found
        if self.behind_ends:
            found["tokens_behind_the_ends_of_texts"] = self.behind_ends
        if self.split_tokens:
            found["texts_continued_within_a_token"] = self.split_tokens
        if self.unplaced:
            found["prompts_beyond_the_students_positions"] = self.unplaced
        if self.read_again:
            found["texts_read_again"] = self.read_again
        if not self.row_steps:
            return found
        return {
            "row_steps": self.row_steps,
            "row_step_utilisation": round(self.useful / self.row_steps, 3),
            "rows_sharing_prefixes": self.sharing,
            **{f"rows_with_their_own_cache ({why})": n for why, n in self.unshared.items()},
            **found,
        }
