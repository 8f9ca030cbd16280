"""Which launcher started this process, and as which of how many: torchrun or Slurm's srun.

Lightning reads the same variables (TorchElasticEnvironment, SLURMEnvironment). They are read here
as well, without torch, since a command has to know its rank before it writes anything.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """This process among those that a launcher started for one command."""

    launcher: Literal["torchrun", "srun"]
    rank: int  # over all machines
    ranks: int
    ranks_here: int  # on this machine
    nodes: int


def launched(variables: Mapping[str, str] = os.environ) -> Launch | None:
    """How this process was started; None where it started by itself. A job step of one task counts
    as that: submitit runs each job of a sweep so."""
    if "TORCHELASTIC_RUN_ID" in variables:
        return Launch(
            launcher="torchrun",
            rank=int(variables["RANK"]),
            ranks=int(variables["WORLD_SIZE"]),
            ranks_here=int(variables["LOCAL_WORLD_SIZE"]),
            nodes=int(variables["GROUP_WORLD_SIZE"]),
        )
    # Of the step: a batch script has the job's SLURM_NTASKS too, and is one process.
    if int(variables.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        ranks, nodes = int(variables["SLURM_NTASKS"]), int(variables["SLURM_STEP_NUM_NODES"])
        return Launch(
            launcher="srun",
            rank=int(variables["SLURM_PROCID"]),
            ranks=ranks,
            ranks_here=ranks // nodes,
            nodes=nodes,
        )
    return None
