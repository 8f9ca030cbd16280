"""A command that a launcher started in many processes: rank 0 runs it, the others join its training
and its decoding.

The others write only their part of a sharded checkpoint, and the texts that they decode. Otherwise
they wait for rank 0 without a time-out; if it dies, their connection breaks.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from mdexp.training.launcher import Launch, launched

Given = TypeVar("Given")
FOR_EVER = timedelta(days=10_000)
CPU = torch.device("cpu")
# What rank 0 sends: the exit code when the command is over, or a function to call.
Order = int | tuple[Callable[..., Any], dict[str, Any]]


class _Waiting:
    """The process group in which the other ranks wait for orders; None for a single process."""

    group: Any = None
    busy = False  # the others are at work and do not read orders


def cluster_environment() -> ClusterEnvironment:
    """The cluster environment from which Lightning reads rank and addresses."""
    launch = launched()
    if launch is None or launch.ranks == 1:
        # Given explicitly: within a Slurm job Lightning would otherwise expect Slurm to have
        # started the ranks.
        return LightningEnvironment()
    if launch.launcher == "srun":
        return SLURMEnvironment(auto_requeue=False)  # it would replace our signal handlers
    return TorchElasticEnvironment()


def on_all_ranks(launch: Launch, command: Callable[[], int]) -> int:
    """Run `command` on rank 0, where it may ask for `joined`; each rank returns its exit code."""
    place = cluster_environment()
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = place.main_address, str(place.main_port)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, rank=launch.rank, world_size=launch.ranks)
    _Waiting.group = dist.new_group(backend="gloo", timeout=FOR_EVER)
    if launch.rank:
        return _obey()
    code = 1
    try:
        code = command()
    finally:
        if not _Waiting.busy:  # else they end with this process, since they would not read an order
            _order(code)
    return code


@contextmanager
def joined(work: Callable[..., Any], arguments: dict[str, Any]) -> Iterator[None]:
    """While rank 0 is in the block, every other rank calls `work(**arguments)`; both are
    pickled."""
    threads = torch.get_num_threads()
    _order((work, arguments))
    _Waiting.busy = True
    yield
    _Waiting.busy = False
    torch.set_num_threads(threads)  # Lightning shares the cores out among the ranks


def judge_shared(folder: Path) -> None:
    """ValueError if a rank does not see the folder that rank 0 has."""
    if _Waiting.group is None:
        return
    with joined(_seen, {"folder": folder}):
        unseeing = [rank for rank, seen in enumerate(_seen(folder)) if not seen]
    if unseeing:
        raise ValueError(
            f"store={folder}: rank {', '.join(map(str, unseeing))} does not see it. It has to lie "
            "on a file system that all machines share, under the same name"
        )


def _seen(folder: Path) -> list[bool]:
    """Whether each rank sees the folder."""
    return gathered(folder.is_dir())


def gathered(given: Given) -> list[Given]:
    """What each rank gives, by rank; all have to call it, and wait for the last of them."""
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, given, group=_Waiting.group)
    return found


def _obey() -> int:
    """Follow rank 0's orders until the command is over; returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; rank 0 decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # works although it waits in C++
    while not isinstance(order := _order(None), int):
        work, arguments = order
        work(**arguments)
    return order


def _order(order: Order | None) -> Any:
    """Rank 0's order, on every rank."""
    sent = [order]
    dist.broadcast_object_list(sent, src=0, group=_Waiting.group, device=CPU)
    return sent[0]
