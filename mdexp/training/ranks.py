"""Runs the other ranks of a training, which a launcher started or which are started here.

Lightning's own launcher repeats the command line, which with Hydra's -m would repeat the sweep and
write the run folder twice. Here the other ranks only train.
"""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mdexp.training.launched_ranks import joined
from mdexp.training.launcher import launched

log = logging.getLogger(__name__)

NUM_SEEDS = 2**32  # numpy's range of seeds
GRACE_S = 60.0  # seconds in which rank 0 may notice by itself that another rank failed
RANK_VARIABLES = ("LOCAL_RANK", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
# Lightning sets or deletes these, even for a single process. They are restored, since a server that
# is started later, or torchrun's next training, reads them.
KEPT_VARIABLES = (*RANK_VARIABLES, "WORLD_SIZE", "OMP_NUM_THREADS")


@contextmanager
def other_ranks(number: int, work: Callable[..., Any], **arguments: Any) -> Iterator[None]:
    """Within the block this process is rank 0 of `number`, and every other rank calls
    `work(**arguments)`, which must be importable and picklable. After it the
    environment variables that Lightning changes are as before."""
    before = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    from_launcher = number > 1 and launched() is not None
    others: AbstractContextManager[None] = nullcontext()
    if number > 1:
        others = joined(work, arguments) if from_launcher else _spawned(number, work, arguments)
    try:
        with others:
            yield
    finally:
        if not from_launcher:
            _leave_group()  # with FSDP a single process is in one, too
        for name in KEPT_VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(before)


@contextmanager
def _spawned(number: int, work: Callable[..., Any], arguments: dict[str, Any]) -> Iterator[None]:
    port, threads = str(_free_port()), torch.get_num_threads()
    spawn = get_context("spawn")
    others = [
        spawn.Process(target=_other_rank, args=(rank, port, work, arguments))
        for rank in range(1, number)
    ]
    ended = threading.Event()
    try:
        for process in others:
            process.start()
        threading.Thread(target=_stop_if_one_fails, args=(others, ended), daemon=True).start()
        os.environ.update(_rank_environment(0, port))
        yield
    finally:
        ended.set()
        for process in others:
            if process.pid is not None:  # else it never started, as its arguments may be bad
                process.join(timeout=1)
                process.kill()
        torch.set_num_threads(threads)  # Lightning shares the cores out among the ranks


def _leave_group() -> None:
    """A later training has other processes."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


class OwnSignals(Callback):
    """Keeps our signal handlers: Lightning's SIGTERM handler would broadcast to ranks that do not
    listen, and wait for them."""

    def __init__(self) -> None:
        self.before = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.before)


class OwnDropout(Callback):
    """All ranks start with the same random state, so that weights are initialised equally; from
    the first step on each has its own, for dropout. The random state of a checkpoint is restored
    later."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_rank:
            pl.seed_everything((self.seed + trainer.global_rank) % NUM_SEEDS, verbose=False)


def _other_rank(rank: int, port: str, work: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """Work as a rank, and exit when rank 0 exits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; rank 0 decides
    threading.Thread(target=follow_parent, daemon=True).start()
    os.environ.update(_rank_environment(rank, port))
    work(**arguments)


def follow_parent() -> None:
    """End this process when the one that started it has ended."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _stop_if_one_fails(others: list[BaseProcess], ended: threading.Event) -> None:
    """Stop this process if a rank fails: a rank waiting in a collective operation would not
    notice."""
    waiting = list(others)
    while waiting and not ended.is_set():
        connection.wait([process.sentinel for process in waiting], timeout=1)
        gone = [process for process in waiting if process.exitcode is not None]
        waiting = [process for process in waiting if process not in gone]
        failed = [process for process in gone if process.exitcode]
        if failed and not ended.wait(GRACE_S):
            log.error("%s ended with code %s: stopping", failed[0].name, failed[0].exitcode)
            os._exit(1)


def _rank_environment(rank: int, port: str) -> dict[str, str]:
    values = (str(rank), "0", "127.0.0.1", port)
    return dict(zip(RANK_VARIABLES, values, strict=True))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
