"""What a student writes, shared out over ranks: each writes every n-th window.

A window is what one process would write together, so that its texts are the same, to the bit where
the machines compute alike. Each rank keeps its windows in the resume cache, where rank 0 finds
them: a window that a killed rank left out is written by the next run, by whatever rank.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.resume_cache import ResumeCache
from mdexp.decoding.student_writer import StudentWriter
from mdexp.ports import Executor, StudentConfig
from mdexp.records import LinearHead, Phase
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights

ANSWERS = "answers.jsonl"  # within the stage's folder, while it runs

log = logging.getLogger(__name__)


class Windows(Protocol):
    """What a decoder writes for an assignment, window by window."""

    @property
    def number(self) -> int: ...

    def write(self, numbers: Sequence[int], *, shows: bool = True) -> None:
        """Write the windows with these numbers, or find them among what was kept, and show the
        progress."""
        ...


Written = TypeVar("Written", bound=Windows, covariant=True)


class Assignment(Protocol[Written]):
    """What a decoder is to write. It can be pickled."""

    def windows(self, writer: StudentWriter, executor: Executor) -> Written: ...


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


def write_all(
    assignment: Assignment[Written], writer: StudentWriter, executor: Executor
) -> Written:
    """All windows of an assignment. Where there are other ranks, and at least a window for each,
    each rank writes every n-th window, and this one then finds the others'."""
    windows, sharing = assignment.windows(writer, executor), writer.sharing
    everything = range(windows.number)
    if not sharing or windows.number < sharing.others.number:
        windows.write(everything)
        return windows
    ranks = sharing.others.number
    log.info("%d ranks share %d windows", ranks, windows.number)
    assert writer.work.kept, "a stage that shares its writing keeps it"
    arguments = {
        "ranks": ranks,
        "source": sharing.source,
        "exemplars": writer.exemplars,
        "head": writer.head,
        "open_executor": sharing.open_executor,
        "assignment": assignment,
    }
    with sharing.others.working(_write_share, arguments) as stats:
        windows.write(everything[::ranks])
    for other in stats:
        writer.work.add(other)
    writer.work.kept.read()
    windows.write([number for number in everything if number % ranks])
    return windows


def _write_share(
    rank: int,
    ranks: int,
    source: WriterSource,
    exemplars: Sequence[Mapping[str, Any]],
    head: LinearHead | None,
    open_executor: Callable[[], AbstractContextManager[Executor]],
    assignment: Assignment[Windows],
) -> DecodeStats:
    """Write the share of a rank other than 0; returns what it computed."""
    work = source.stats(rank)
    writer = replace(held_writer(source, rank), exemplars=exemplars, head=head, work=work)
    with open_executor() as executor:
        windows = assignment.windows(writer, executor)
        windows.write(range(rank, windows.number, ranks), shows=False)
    work.kept = None  # rank 0 reads the files
    return work


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
