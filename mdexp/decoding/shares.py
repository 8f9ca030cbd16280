"""What a student writes, shared out over ranks: each writes every n-th window of transcripts.

A window is what one process would write together, so that its texts are the same, to the bit where
the machines compute alike. Each rank keeps its windows in the resume cache, where rank 0 finds
them: a window that a killed rank left out is written by the next run, by whatever rank.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.resume_cache import ResumeCache
from mdexp.decoding.student_writer import StudentWriter
from mdexp.ports import Executor, StudentConfig
from mdexp.records import Phase
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights

ANSWERS = "answers.jsonl"  # within the stage's folder, while it runs


class OtherRanks(Protocol):
    """The other ranks of a run, which do what rank 0 asks (training/decoding_ranks.py)."""

    number: int  # of all ranks, rank 0 included

    def working(
        self, work: Callable[..., Any], arguments: Mapping[str, Any]
    ) -> AbstractContextManager[list[Any]]:
        """While rank 0 is within, each other rank calls `work(rank=..., **arguments)`. Behind the
        block the list holds what each of them returned."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterSource:
    """How each rank of a stage comes to the same writer. It can be pickled."""

    student: StudentConfig
    weights: Weights
    dtype: str
    device: str
    phase: Phase
    seed: int
    folder: Path  # of the stage

    def writer(self, rank: int = 0) -> StudentWriter:
        """The student, loaded on the rank's device, with the answers that were kept."""
        model, tokenizer = self.weights.load(dtype=self.dtype, device=self._device_of(rank))
        return StudentWriter(
            model=model,
            renderer=Renderer(tokenizer, self.student.kind, self.student.prompt),
            phase=self.phase,
            seed=self.seed,
            work=self.stats(rank),
        )

    def stats(self, rank: int) -> DecodeStats:
        return DecodeStats(kept=ResumeCache(self.folder / ANSWERS, rank))

    def _device_of(self, rank: int) -> str:
        if self.device != "cuda":
            return self.device
        import torch

        return f"cuda:{rank % torch.cuda.device_count()}"  # machines have equally many


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """With whom a stage shares its writing. `open_executor` gives each rank one."""

    others: OtherRanks
    source: WriterSource
    open_executor: Callable[[], AbstractContextManager[Executor]]


class _Held:
    """The writer that another rank has loaded, from one piece of work to the next."""

    source: WriterSource | None = None
    writer: StudentWriter | None = None


def held_writer(source: WriterSource, rank: int) -> StudentWriter:
    """The writer of a source, loaded when it is first asked for."""
    if _Held.writer is None or _Held.source != source:
        _Held.writer = None  # before the next one is loaded
        _Held.source, _Held.writer = source, source.writer(rank)
    return _Held.writer


def forget_writer(rank: int) -> None:
    """Free a rank's memory for what comes behind the stage."""
    _Held.source = _Held.writer = None
