"""Finds how many processes train together, here and on other machines; impossible settings are
refused."""

import os
from dataclasses import dataclass

import torch

from mdexp.config.blocks import TrainerSettings
from mdexp.training.launcher import Launch, launched

NO_GPU = "no GPU is usable here; use trainer=cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """`here` on each of `nodes` machines."""

    here: int
    nodes: int = 1

    @property
    def number(self) -> int:
        return self.here * self.nodes

    def __str__(self) -> str:
        return f"{self.here}" + (f" on each of {self.nodes} machines" if self.nodes > 1 else "")


def processes(trainer: TrainerSettings) -> Processes:
    """The processes of a training: those that torchrun or srun started, else `trainer.devices` on
    this machine. ValueError if there are not enough GPUs, or if the launcher started other numbers
    than the settings ask for."""
    gpus = 0 if trainer.accelerator == "cpu" else torch.cuda.device_count()
    if trainer.accelerator == "gpu" and not gpus:
        raise ValueError(f"trainer.accelerator=gpu: {NO_GPU}")
    launch = launched()
    found = _launched(trainer, launch) if launch else _spawned(trainer, gpus)
    if gpus and found.here > gpus:
        seen = f"{found.here} processes" if launch else f"trainer.devices={trainer.devices}"
        hint = " (of Slurm ask with --gpus-per-node, not --gpus-per-task)" if launch else ""
        raise ValueError(f"{seen}: this machine has {gpus} GPUs that each can see{hint}")
    return found


def _spawned(trainer: TrainerSettings, gpus: int) -> Processes:
    if (trainer.num_nodes or 1) > 1:
        raise ValueError(
            f"trainer.num_nodes={trainer.num_nodes}: start the command on each machine with "
            "torchrun or srun; by itself it starts processes on one"
        )
    if trainer.devices == -1 and not gpus:
        raise ValueError(
            "trainer.devices=-1 means all GPUs, and none is used here: "
            "give the number of processes, as in trainer.accelerator=cpu trainer.devices=2"
        )
    return Processes(here=gpus if trainer.devices == -1 else trainer.devices)


def _launched(trainer: TrainerSettings, launch: Launch) -> Processes:
    started = f"{launch.launcher} started {launch.ranks} processes on {launch.nodes} machines"
    if launch.ranks != launch.ranks_here * launch.nodes:
        raise ValueError(f"{started}: each has to have as many as the others")
    if launch.launcher == "srun" and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise ValueError(
            f"{started}: Lightning needs --ntasks-per-node, and --ntasks is not enough"
        )
    if trainer.devices not in (-1, launch.ranks_here):
        raise ValueError(
            f"trainer.devices={trainer.devices}: {started}, so {launch.ranks_here} on each; set "
            f"trainer.devices=-1, which takes what the launcher started"
        )
    if trainer.num_nodes not in (None, launch.nodes):
        raise ValueError(f"trainer.num_nodes={trainer.num_nodes}: {started}")
    if launch.ranks > 1 and not torch.distributed.is_initialized():
        raise ValueError(f"{started}, which only `python -m mdexp.run` shares work out among")
    return Processes(here=launch.ranks_here, nodes=launch.nodes)
