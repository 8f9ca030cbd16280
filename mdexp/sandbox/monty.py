"""The Monty tier: a Python interpreter without access to anything, in worker processes.

Monty (pydantic-monty) is an interpreter of its own, so a program has no file, network, environment
or process to reach; a worker that dies anyway is replaced. It is not all of CPython: a result that
it reaches counts, but its failure says nothing about the program.
"""

import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic_monty import Monty, MontyCrashedError, OSPolicy, ResourceLimits
from pydantic_monty._binary import find_monty_binary

from mdexp.records import ProgramResult
from mdexp.sandbox.batch import BatchLostError, Found, run_batch
from mdexp.sandbox.confined import clock
from mdexp.sandbox.errors import SandboxError
from mdexp.sandbox.monty_launcher import write_launcher
from mdexp.sandbox.outcome import MAX_ERROR, outcome
from mdexp.sandbox.settings import TRIES, SandboxSettings

# Some operations on huge integers do not check the clock; their worker is killed after this extra
# time.
KILL_GRACE_S = 0.25
BATCHES_PER_WORKER = 500
# Below CPython's own limit, so that no recursion ends here that would not end there.
MAX_RECURSION = 900

_HARMLESS = "ans = 1 + 1"
_OUT_OF_TIME = "TimeoutError: feed time limit exceeded"
# Equal programs give equal results.
_POLICY = OSPolicy(sleep="zero", datetime=clock.NOW, random_start={"seed": 0})
# Monty has these just as CPython does: there, too, they are no answer.
_SAME_TYPES = ("dict", "list", "tuple")
# Monty writes the last digit of a number with more than 15 of them differently from CPython.
_LONG_NUMBER = re.compile(r"\d{16}|\d{15}\.|\de\+?\d")


class MontyTier:
    """A pool of Monty workers that threads may share. SandboxError if none can be started.

    A program gets `seconds`. `confined` puts the kernel's filter around the workers as well.
    """

    def __init__(
        self, settings: SandboxSettings, workers: int, *, seconds: float, confined: bool
    ) -> None:
        self._seconds = seconds
        self._output_bytes = settings.output_kib * 1024
        self._limits = ResourceLimits(
            max_feed_duration_secs=seconds,
            max_memory=settings.memory_mib * 2**20,
            max_recursion_depth=MAX_RECURSION,
        )
        self._folder = tempfile.TemporaryDirectory(prefix="mdexp-monty-")
        try:
            binary = Path(find_monty_binary()).resolve(strict=True)
            self._pool = Monty(
                binary_path=write_launcher(Path(self._folder.name), binary) if confined else binary,
                max_processes=workers,
                # Also while no program runs, such as at the start of a session.
                request_timeout=seconds + 10,
                feed_duration_limit_grace=KILL_GRACE_S,
                max_checkouts_per_worker=BATCHES_PER_WORKER,
            )
            self._pool.__enter__()
        except (OSError, RuntimeError) as error:
            self._folder.cleanup()
            raise SandboxError(f"no Monty worker can be started: {error}") from error

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        """Run a batch.

        A status is `ok`, `no_answer`, `timeout` or `unsupported`. The time of the batch is shared
        out equally.
        """
        start = time.perf_counter()
        # One that is alone is run again: whoever stopped or killed its worker may not do so twice.
        for _ in range(TRIES if len(programs) == 1 else 1):
            try:
                found = self._batch(programs)
                break
            except (MontyCrashedError, BatchLostError) as error:
                lost = error
        else:
            return self._after_loss(programs, lost)
        seconds = (time.perf_counter() - start) / len(programs)
        return [_result(one, seconds) for one in found]

    def close(self) -> None:
        self._pool.__exit__(None, None, None)
        self._folder.cleanup()

    def _after_loss(
        self, programs: Sequence[str], error: MontyCrashedError | BatchLostError
    ) -> list[ProgramResult]:
        """Run each program of a lost batch alone, which shows whose fault it was."""
        if len(programs) > 1:
            return [result for program in programs for result in self.run([program])]
        self._prove_sound()
        slow = isinstance(error, MontyCrashedError) and error.timed_out
        return [_unanswered(f"the program ended its worker: {error}", self._seconds, slow=slow)]

    def _prove_sound(self) -> None:
        """SandboxError if workers also die on a harmless program."""
        for _ in range(TRIES):
            try:
                ((found, value, _text),) = self._batch([_HARMLESS])
            except (MontyCrashedError, BatchLostError) as error:
                death = error
                continue
            if value != 2:
                raise SandboxError(f"Monty workers fail on {_HARMLESS!r}: {found} {value}")
            return
        raise SandboxError(f"Monty workers die on {_HARMLESS!r}: {death}") from death

    def _batch(self, programs: Sequence[str]) -> list[Found]:
        checkout = self._pool.checkout(
            limits=self._limits, os_policy=_POLICY, assert_message_annotations=False
        )
        try:
            with checkout as session:
                return run_batch(session, programs, self._output_bytes)
        except (OSError, RuntimeError) as error:
            raise SandboxError(f"no Monty worker can be had: {error}") from error


def _result(one: Found, seconds: float) -> ProgramResult:
    found, value, stdout = one
    if found == "failed":
        return _unanswered(value, seconds, slow=value.startswith(_OUT_OF_TIME))
    result = outcome(found, value, stdout, seconds=seconds, tier="monty")
    # Nothing may be left by a `return` outside a function, which is an error in CPython alone.
    if result.status != "ok" and (found == "nothing" or value not in _SAME_TYPES):
        return _unanswered(result.error, seconds)
    if _differs(stdout) or (isinstance(value, str) and _differs(value)):
        return _unanswered("Monty writes such numbers or texts differently", seconds)
    return result


def _differs(text: str) -> bool:
    """Whether CPython may have written this text differently."""
    return "\ufffd" in text or _LONG_NUMBER.search(text) is not None


def _unanswered(error: str, seconds: float, *, slow: bool = False) -> ProgramResult:
    return ProgramResult(
        status="timeout" if slow else "unsupported",
        error=error[:MAX_ERROR],
        seconds=seconds,
        tier="monty",
    )
