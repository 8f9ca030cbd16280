"""The Monty tier: a Python interpreter without access to anything, in worker processes.

Monty (pydantic-monty) is an interpreter of its own, so a program has no file, network, environment
or process to reach; a worker that dies anyway is replaced. Each program gets a session of its own:
nothing is shared with the next one, and there is nothing by which to forge another's result.
"""

import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from pydantic_monty import (
    Monty,
    MontyCrashedError,
    MontyRuntimeError,
    MontySyntaxError,
    OSPolicy,
    ResourceLimits,
)

from mdexp.ports import ProgramResult
from mdexp.sandbox.errors import SandboxError
from mdexp.sandbox.imports import without_unused_imports
from mdexp.sandbox.outcome import MAX_TEXT_ANSWER, outcome
from mdexp.sandbox.printed import Printed
from mdexp.sandbox.settings import SandboxSettings
from mdexp.sandbox.verdict import verdict

MAX_ERROR = 300  # characters
# Some operations on huge integers do not look at the clock: their worker is killed so much later.
KILL_GRACE_S = 0.5
SESSIONS_PER_WORKER = 2000

_INSIDE = resources.files("mdexp.sandbox").joinpath("inside.py").read_text(encoding="utf-8")
_FEED = f"{_INSIDE}\n\nanswer(program, max_text)\n"
_HARMLESS = "ans = 1 + 1"
# Equal programs give equal results.
_POLICY = OSPolicy(
    sleep="zero", datetime=datetime(2024, 1, 1, tzinfo=UTC), random_start={"seed": 0}
)


class MontyTier:
    """A pool of Monty workers that threads may share. SandboxError if none can be started."""

    def __init__(self, settings: SandboxSettings, workers: int) -> None:
        self._output_bytes = settings.output_kib * 1024
        self._limits = ResourceLimits(
            max_feed_duration_secs=settings.timeout_s, max_memory=settings.memory_mib * 2**20
        )
        self._pool = Monty(
            max_processes=workers,
            # Also while no program runs, such as at the start of a session.
            request_timeout=settings.timeout_s + 10,
            feed_duration_limit_grace=KILL_GRACE_S,
            max_checkouts_per_worker=SESSIONS_PER_WORKER,
        )
        try:
            self._pool.__enter__()
        except (OSError, RuntimeError) as error:
            raise SandboxError(f"no Monty worker can be started: {error}") from error

    def run(self, program: str) -> ProgramResult:
        """Run one program; once more if its worker died, which may be nobody's fault."""
        try:
            return self._run(program)
        except MontyCrashedError:
            pass
        try:
            return self._run(program)
        except MontyCrashedError as error:
            self._prove_sound()
            return ProgramResult(
                status="runtime_error", error=f"the program ended its worker: {error}", tier="monty"
            )

    def close(self) -> None:
        self._pool.__exit__(None, None, None)

    def _prove_sound(self) -> None:
        try:
            result = self._run(_HARMLESS)
        except MontyCrashedError as error:
            raise SandboxError(f"Monty workers die on {_HARMLESS!r}: {error}") from error
        if result.answer != 2:
            raise SandboxError(f"Monty workers fail on {_HARMLESS!r}: {result.error}")

    def _run(self, program: str) -> ProgramResult:
        printed, start = Printed(self._output_bytes), time.perf_counter()
        result = self._result(program, printed)
        seconds = time.perf_counter() - start
        return replace(result, stdout=printed.text, seconds=seconds, tier="monty")

    def _result(self, program: str, printed: Printed) -> ProgramResult:
        try:
            found, value = self._feed(program, printed)
        except MontyCrashedError as error:
            if not error.timed_out:
                raise
            return ProgramResult(status="timeout", error="TimeoutError: worker killed")
        except (MontySyntaxError, MontyRuntimeError) as error:
            return _failure(error, printed)
        except (OSError, RuntimeError) as error:
            raise SandboxError(f"no Monty worker can be had: {error}") from error
        return outcome(found, value, printed)

    def _feed(self, program: str, printed: Printed) -> Any:
        inputs = {"program": without_unused_imports(program), "max_text": MAX_TEXT_ANSWER}
        checkout = self._pool.checkout(
            limits=self._limits, os_policy=_POLICY, assert_message_annotations=False
        )
        with checkout as session:
            return session.feed_run(_FEED, inputs=inputs, print_callback=printed)


def _failure(error: MontySyntaxError | MontyRuntimeError, printed: Printed) -> ProgramResult:
    if printed.overflowed:
        return ProgramResult(status="output", error="it printed more than the limit")
    exception = error.exception()
    name, message = type(exception).__name__, str(exception)
    # The frames of the program's text; one that does not parse has none.
    lines = [frame.line for frame in error.traceback() if frame.filename == "<string>"]
    unparsed = isinstance(error, MontySyntaxError) and not lines
    place = f" (line {lines[-1]})" if lines else ""
    return ProgramResult(
        status="syntax_error" if unparsed else verdict(name, message),
        error=f"{name}: {message.replace('<string>, ', '')[:MAX_ERROR]}{place}",
    )
