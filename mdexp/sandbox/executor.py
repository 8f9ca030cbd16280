"""Runs programs of models: many at once, one result each, in order.

Whatever a program does is a result; only a broken sandbox raises. Programs go to Monty, and those
that Monty does not answer go to CPython. They are isolated and repeatable (fixed clock and random
seed).
"""

import os
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from types import TracebackType
from typing import Literal, Self

from mdexp.records import ProgramResult
from mdexp.sandbox.cpython import CPythonTier, confinement
from mdexp.sandbox.equations import solve_equations
from mdexp.sandbox.errors import SandboxError
from mdexp.sandbox.monty import MontyTier
from mdexp.sandbox.ordered_stream import in_order
from mdexp.sandbox.settings import SandboxSettings
from mdexp.sandbox.worker_threads import Lanes

__all__ = ["Sandbox", "SandboxError"]

# Programs that end take well under a millisecond; those that run longer rarely end.
MONTY_S = 0.02


class Sandbox:
    """An `Executor` over pools of worker processes. Close it, or use it in a `with`.

    SandboxError if no worker can be started here; ValueError if a setting is out of its range.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        memory_mib: int,
        output_kib: int,
        workers: int,
        cpython: Literal["confined", "off", "unprotected"] = "confined",
    ) -> None:
        self.settings = SandboxSettings(
            cpython=cpython,
            timeout_s=timeout_s,
            memory_mib=memory_mib,
            output_kib=output_kib,
            workers=workers,
        )
        if cpython == "unprotected" and sys.platform != "linux":
            raise SandboxError(f"sandbox=unsafe runs on Linux alone, and this is {sys.platform}")
        self._workers = workers or os.cpu_count() or 1
        unconfined = confinement()
        self.lacks = _lacks(cpython, unconfined)
        self._cpython = None
        if cpython == "unprotected" or (cpython == "confined" and not unconfined):
            confined = cpython == "confined"
            self._cpython = CPythonTier(self.settings, self._workers, confined=confined)
        seconds = min(MONTY_S, timeout_s) if self._cpython else timeout_s
        self._monty = MontyTier(
            self.settings, self._workers, seconds=seconds, confined=not unconfined
        )

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers available here, in the order in which they are asked."""
        return ("monty", "cpython") if self._cpython else ("monty",)

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        distinct = dict.fromkeys(programs)
        results = dict(zip(distinct, self.stream(distinct), strict=True))
        return [results[program] for program in programs]

    def stream(self, programs: Iterable[str]) -> Generator[ProgramResult, None, None]:
        """Give results in order while programs are still being read, with few of them in memory.

        Close the generator, or read it to its end, before the sandbox.
        """
        lanes = Lanes(self._monty, self._cpython, self.settings.timeout_s, self._workers)
        with closing(lanes):
            yield from in_order(programs, lanes.start)

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        """Solve systems of equations; sympy, where it is needed, runs as a program."""
        return solve_equations(systems, self.run)

    def close(self) -> None:
        """End the workers. Closing twice does no harm."""
        self._monty.close()
        if self._cpython:
            self._cpython.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _lacks(cpython: str, unconfined: str) -> str:
    """What is missing here, with its consequence; empty if nothing is."""
    if cpython == "off":
        return "CPython is off (sandbox=monty), so what Monty cannot run is `unsupported`"
    if cpython == "unprotected":
        return "programs run in CPython WITHOUT the kernel's protection (sandbox=unsafe)"
    if unconfined:
        return f"{unconfined}, so what Monty cannot run is `unsupported`"
    return ""
