"""The worker threads that feed Monty (with batches) and CPython (with single programs; slow ones
separately).

A program's first try in CPython is short. Programs that need longer run in separate processes of
low priority, so that endless ones delay the others little; programs that used up their time in
Monty go there at once.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

from mdexp.records import ProgramResult
from mdexp.sandbox.monty import MontyTier
from mdexp.sandbox.refusals import refused
from mdexp.sandbox.router import Kind, Routed, routed

FIRST_TRY_S = 0.1  # CPU seconds

_FINAL = ("ok", "no_answer")  # of Monty
_DIFFERENT = ProgramResult(
    status="unsupported",
    error="Monty may answer this differently from CPython, which is not used here",
)

Found = ProgramResult | Future[Any]  # a future that gives a Found: another lane continues


class CPython(Protocol):
    """What is asked of the CPython tier."""

    def run(
        self, program: str, cpu_seconds: float, *, kind: Kind, slow: bool = False
    ) -> ProgramResult: ...


class Lanes:
    """Threads that keep the workers of the tiers busy. Close them when done.

    Without `cpython`, what Monty does not answer is `unsupported`.
    """

    def __init__(
        self, monty: MontyTier, cpython: CPython | None, timeout_s: float, workers: int
    ) -> None:
        self._monty, self._cpython, self._timeout_s = monty, cpython, timeout_s
        self._batches = ThreadPoolExecutor(workers, thread_name_prefix="sandbox-monty")
        self._first = ThreadPoolExecutor(workers, thread_name_prefix="sandbox-cpython")
        self._slow = ThreadPoolExecutor(workers, thread_name_prefix="sandbox-slow")

    def start(self, programs: Sequence[str]) -> Future[list[Found]]:
        """Start a batch."""
        return self._batches.submit(self._batch, programs)

    def close(self) -> None:
        """Drop waiting programs and wait for running ones, in this order: each lane feeds the
        next."""
        for threads in (self._batches, self._first, self._slow):
            threads.shutdown(cancel_futures=True)

    def _batch(self, programs: Sequence[str]) -> list[Found]:
        found: dict[int, Found] = {}
        for_monty: dict[int, Routed] = {}
        for number, program in enumerate(programs):
            if refusal := refused(program):
                found[number] = refusal
                continue
            way = routed(program)
            if way.for_monty:
                for_monty[number] = way
            else:
                found[number] = self._past_monty(way)
        ways = list(for_monty.values())
        results = self._monty.run([way.program for way in ways]) if ways else []
        for number, way, result in zip(for_monty, ways, results, strict=True):
            found[number] = self._after_monty(way, result)
        return [found[number] for number in range(len(programs))]

    def _past_monty(self, way: Routed) -> Found:
        if self._cpython:
            return self._ask_cpython(self._cpython, way, slow=False)
        return _DIFFERENT

    def _after_monty(self, way: Routed, result: ProgramResult) -> Found:
        if result.status in _FINAL:
            return result
        if self._cpython:
            return self._ask_cpython(self._cpython, way, slow=result.status == "timeout")
        return replace(result, status="unsupported")

    def _ask_cpython(self, cpython: CPython, way: Routed, *, slow: bool) -> Future[Found]:
        if slow:
            return self._slow.submit(self._whole_try, cpython, way)
        return self._first.submit(self._first_try, cpython, way)

    def _first_try(self, cpython: CPython, way: Routed) -> Found:
        seconds = min(FIRST_TRY_S, self._timeout_s)
        result = cpython.run(way.program, seconds, kind=way.kind)
        if result.status != "timeout" or seconds == self._timeout_s:
            return result
        return self._ask_cpython(cpython, way, slow=True)

    def _whole_try(self, cpython: CPython, way: Routed) -> Found:
        return cpython.run(way.program, self._timeout_s, kind=way.kind, slow=True)


def awaited(found: Found) -> ProgramResult:
    """Wait for the result from the last lane."""
    while isinstance(found, Future):
        found = found.result()
    return found


def arrived(found: Found) -> bool:
    """Whether the result is there without waiting."""
    while isinstance(found, Future):
        if not found.done():
            return False
        found = found.result()
    return True
