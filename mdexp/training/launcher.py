"""Finds the launcher that started this process (torchrun or Slurm's srun), its rank and the number
of ranks.

Lightning reads the same variables (TorchElasticEnvironment, SLURMEnvironment). They are read here
without torch, since a command must know its rank before it writes anything.
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
    """How this process was launched; None if it was started alone. A Slurm step of one task counts
    as alone: submitit runs each job of a sweep so."""
    if "TORCHELASTIC_RUN_ID" in variables:
        return Launch(
            launcher="torchrun",
            rank=int(variables["RANK"]),
            ranks=int(variables["WORLD_SIZE"]),
            ranks_here=int(variables["LOCAL_WORLD_SIZE"]),
            nodes=int(variables["GROUP_WORLD_SIZE"]),
        )
    # Variables of the step: a batch script also has the job's SLURM_NTASKS although it is one
    # process.
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
