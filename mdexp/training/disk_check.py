"""Checks that the store's disk has room for a full training, before anything is bought."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mdexp.students.adapters import shapes_alone

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from mdexp.ports import StudentConfig

GIB = 2**30
# Bytes per parameter: float32 weights, and a checkpoint of weights and AdamW's two moments. A
# second checkpoint is needed while the first is replaced.
BYTES_A_PARAMETER = 4 + 12


def judge_disk(student: "StudentConfig", config: "PretrainedConfig", store: Path) -> str:
    """A sentence about the free space and what training writes; ValueError if it does not fit.
    Adapters are small and not checked."""
    place = next(folder for folder in (store, *store.parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    if student.tuning != "full":
        return f"{free / GIB:.1f} GiB free"
    model = shapes_alone(student, config)
    needed = BYTES_A_PARAMETER * sum(parameter.numel() for parameter in model.parameters())
    found = f"{free / GIB:.1f} GiB free, training writes {needed / GIB:.1f} GiB or more"
    if free < needed:
        raise ValueError(f"store={store}: {found}; free some, or choose another disk with store=")
    return found
