"""Ranks that write a student's texts when rank 0 asks: those of a launcher, or started here.

They need no separate process group. Ranks of torchrun or srun wait for orders anyway; on one
machine they start with the first order, and end with the stage or with rank 0.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from mdexp.training.launched_ranks import gathered, joined
from mdexp.training.launcher import launched
from mdexp.training.ranks import follow_parent

Work = Callable[..., Any]


@contextmanager
def decoding_ranks(number: int, at_end: Work) -> Iterator["LaunchedRanks | SpawnedRanks | None"]:
    """The other ranks of `number`; None if there are none. Those of a launcher live on, and call
    `at_end(rank=...)` if they were asked for anything."""
    if number == 1:
        yield None
    elif launched():
        ranks = LaunchedRanks(number)
        yield ranks
        if ranks.asked:
            with ranks.working(at_end, {}):
                pass
    else:
        spawned = SpawnedRanks(number)
        try:
            yield spawned
        finally:
            spawned.end()


class LaunchedRanks:
    """The processes that a launcher started beside this one."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.asked = False

    @contextmanager
    def working(self, work: Work, arguments: Mapping[str, Any]) -> Iterator[list[Any]]:
        self.asked = True
        found: list[Any] = []
        with joined(_work_and_report, {"work": work, "arguments": dict(arguments)}):
            yield found
            found += gathered(None)[1:]


def _work_and_report(work: Work, arguments: Mapping[str, Any]) -> None:
    gathered(work(rank=torch.distributed.get_rank(), **arguments))


class SpawnedRanks:
    """Processes of this machine, each with its share of the threads."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.started: list[tuple[BaseProcess, Connection]] = []

    @contextmanager
    def working(self, work: Work, arguments: Mapping[str, Any]) -> Iterator[list[Any]]:
        """RuntimeError if a process has ended."""
        threads = torch.get_num_threads()
        of_each = max(1, threads // self.number)
        if not self.started:
            self.started = [self._start(rank, of_each) for rank in range(1, self.number)]
        for rank, (_, pipe) in enumerate(self.started, start=1):
            pipe.send((work, {**arguments, "rank": rank}))
        found: list[Any] = []
        torch.set_num_threads(of_each)
        try:
            yield found
        finally:
            torch.set_num_threads(threads)
        found += [self._reply(rank) for rank in range(1, self.number)]

    def end(self) -> None:
        for process, pipe in self.started:
            pipe.close()
            process.kill()
            process.join()

    def _start(self, rank: int, threads: int) -> tuple[BaseProcess, Connection]:
        spawn = get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_follow_orders, args=(theirs, threads), name=f"rank {rank}")
        process.start()
        theirs.close()  # so that its end is seen here
        return process, ours

    def _reply(self, rank: int) -> Any:
        process, pipe = self.started[rank - 1]
        try:
            return pipe.recv()
        except EOFError:
            process.join()
            raise RuntimeError(
                f"rank {rank}, which decoded beside this process, ended with code "
                f"{process.exitcode}; what it wrote is kept for the next run"
            ) from None


def _follow_orders(pipe: Connection, threads: int) -> None:
    """Do what rank 0 asks until its end of the pipe closes, or it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; rank 0 decides
    threading.Thread(target=follow_parent, daemon=True).start()
    torch.set_num_threads(threads)
    while True:
        try:
            work, arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(work(**arguments))
