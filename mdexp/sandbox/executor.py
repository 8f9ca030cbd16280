"""Runs programs that nobody has vetted: many at once, one result each, in order.

What a program does is a result, whatever it does; only a broken sandbox raises. Programs are
isolated and repeatable (fixed clock and random seed), so equal ones are run once.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from mdexp.ports import ProgramResult
from mdexp.sandbox.errors import SandboxError
from mdexp.sandbox.monty import MontyTier
from mdexp.sandbox.settings import SandboxSettings

__all__ = ["Sandbox", "SandboxError"]

MAX_PROGRAM_BYTES = 64 * 1024


class Sandbox:
    """An `Executor` over a pool of worker processes. Close it, or use it in a `with`.

    SandboxError if no worker can be started; ValueError if a setting is out of its range.
    """

    def __init__(self, *, timeout_s: float, memory_mib: int, output_kib: int, workers: int) -> None:
        self.settings = SandboxSettings(
            timeout_s=timeout_s, memory_mib=memory_mib, output_kib=output_kib, workers=workers
        )
        self._workers = workers or os.cpu_count() or 1
        self._monty = MontyTier(self.settings, self._workers)

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        distinct = list(dict.fromkeys(programs))
        with ThreadPoolExecutor(self._workers, thread_name_prefix="sandbox") as threads:
            results = dict(zip(distinct, threads.map(self._route, distinct), strict=True))
        return [results[program] for program in programs]

    def close(self) -> None:
        """End the workers. Closing twice does no harm."""
        self._monty.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _route(self, program: str) -> ProgramResult:
        """The tiers a program goes through. Monty, as the only one, has the last word."""
        return _refused(program) or self._monty.run(program)


def _refused(program: str) -> ProgramResult | None:
    """The result of a text that no tier takes."""
    if "\0" in program:
        return ProgramResult(
            status="syntax_error", error="SyntaxError: source code cannot contain null bytes"
        )
    try:
        size = len(program.encode())
    except UnicodeEncodeError:
        return ProgramResult(
            status="syntax_error", error="SyntaxError: source code cannot contain surrogates"
        )
    if size > MAX_PROGRAM_BYTES:
        error = f"the program has {size} bytes; at most {MAX_PROGRAM_BYTES} are run"
        return ProgramResult(status="unsupported", error=error)
    return None
