"""Checks that the store's disk has room for a full training, before anything is bought."""

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mdexp.students.adapters import shapes_alone
from mdexp.training.resume import KEPT

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from mdexp.config.blocks import TrainerSettings
    from mdexp.ports import StudentConfig

log = logging.getLogger(__name__)

GIB = 2**30
WEIGHTS = 4  # bytes per parameter, in float32
CHECKPOINT = 12  # bytes per parameter: weights and AdamW's two moments
MOST = KEPT + 1  # checkpoints at a time: a new one is written before the oldest is deleted


def judge_disk(
    student: "StudentConfig", config: "PretrainedConfig", trainer: "TrainerSettings", store: Path
) -> str:
    """A sentence about the free space and what training writes; ValueError if it does not fit, a
    warning if it may not. Adapters are small and not checked."""
    place = next(folder for folder in (store, *store.parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    if student.tuning != "full":
        return f"{free / GIB:.1f} GiB free"
    model = shapes_alone(student, config)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    least, most = (parameters * _bytes(number) for number in _checkpoints(trainer))
    written = f"{least / GIB:.1f}" + (f" to {most / GIB:.1f}" if most > least else "")
    found = f"{free / GIB:.1f} GiB free, training writes {written} GiB"
    if free < least:
        raise ValueError(f"store={store}: {found}; free some, or choose another disk with store=")
    if free < most:
        log.warning(
            "store=%s: %s, since up to %d checkpoints lie there at a time; if the disk fills up, "
            "training fails: free some space, or choose another disk with store=",
            *(store, found, MOST),
        )
    return found


def _checkpoints(trainer: "TrainerSettings") -> tuple[int, int]:
    """The least and the most checkpoints that training writes."""
    if trainer.max_steps is None:
        return 1, MOST  # how many steps the epochs have is not known yet
    return (trainer.max_steps // trainer.checkpoint_steps,) * 2


def _bytes(checkpoints: int) -> int:
    """Most bytes per parameter at a time: of checkpoints, or at the end of those that are kept and
    the trained weights."""
    return max(CHECKPOINT * min(checkpoints, MOST), CHECKPOINT * min(checkpoints, KEPT) + WEIGHTS)
