"""The writer of a stage in which the student answers, shared out over the ranks of the run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdexp.config.blocks import TrainerSettings
from mdexp.ports import Executor, StudentConfig
from mdexp.records import Phase
from mdexp.students.weights import Weights

if TYPE_CHECKING:
    from mdexp.decoding.student_writer import StudentWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class RankOptions:
    """The ranks that train write as well, each with an executor that it opens."""

    trainer: TrainerSettings
    open_executor: Callable[[], AbstractContextManager[Executor]]


@contextmanager
def stage_writer(
    folder: Path,
    student: StudentConfig,
    weights: Weights,
    numerics: Mapping[str, Any],
    *,
    phase: Phase,
    seed: int,
    ranks: RankOptions | None,
) -> Iterator["StudentWriter"]:
    """The student, which keeps what it writes in the stage's folder. Without `ranks` it writes by
    itself."""
    from mdexp.decoding.sharing import Sharing, WriterSource, forget_writer
    from mdexp.training.decoding_ranks import decoding_ranks
    from mdexp.training.devices import processes

    source = WriterSource(
        student=student,
        weights=weights,
        dtype=numerics["dtype"],
        device=numerics["device"],
        phase=phase,
        seed=seed,
        folder=folder,
    )
    with decoding_ranks(processes(ranks.trainer).number if ranks else 1, forget_writer) as others:
        sharing = None
        if ranks and others:
            sharing = Sharing(others=others, source=source, open_executor=ranks.open_executor)
        yield replace(source.writer(), sharing=sharing)
