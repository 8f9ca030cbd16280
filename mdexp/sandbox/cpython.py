"""The CPython tier: one process for each program, confined by the kernel.

It has all of CPython, its harmless standard modules, numpy and sympy, and so decides what a program
means. Processes are forked from templates that have loaded these already: `slim` without numpy and
sympy, `full` with them. Templates are started when they are first needed.
"""

import math
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mdexp.records import ProgramResult
from mdexp.sandbox.confined import seccomp
from mdexp.sandbox.errors import SandboxError
from mdexp.sandbox.outcome import MAX_TEXT_ANSWER
from mdexp.sandbox.reply import TIER, Ended, result_of
from mdexp.sandbox.settings import TRIES, SandboxSettings
from mdexp.sandbox.template_process import PACKAGE_PARENT, Kind, Lane, LaneLost, TemplateSettings

__all__ = ["CPythonTier", "confinement"]

_PROBE = """
import os, sys
sys.path.append(sys.argv[1])
from mdexp.sandbox.confined.seccomp import install, program_filter
install(program_filter(2))
try:
    os.open("/", os.O_RDONLY)
except PermissionError:
    sys.exit(0)
sys.exit("it is not in force")
"""
_HARMLESS = "ans = 1 + 1"


def confinement() -> str:
    """Why this machine cannot confine CPython programs; empty if it can."""
    return seccomp.unknown_here() or _refusal()


def _refusal() -> str:
    """The error that the kernel, or a container, gives to a process that confines itself."""
    probe = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _PROBE, str(PACKAGE_PARENT)],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if probe.returncode == 0:
        return ""
    said = probe.stderr.strip().splitlines()
    return f"a kernel filter (seccomp) cannot be set: {said[-1] if said else probe.returncode}"


class CPythonTier:
    """Runs programs one per process; threads may share it. Close it when done.

    At most `workers` programs run at once, and beside them as many slow ones (which used up a first
    budget), at lower priority. `confined=False` leaves out the kernel filter (sandbox=unsafe).
    """

    def __init__(self, settings: SandboxSettings, workers: int, confined: bool) -> None:
        self._settings = settings
        self._confined = confined
        self._idle: defaultdict[tuple[Kind, bool], list[Lane]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closed = False
        self._places = {slow: threading.BoundedSemaphore(workers) for slow in (False, True)}

    def run(
        self, program: str, cpu_seconds: float, *, kind: Kind, slow: bool = False
    ) -> ProgramResult:
        """Run one program; again if its process or template was stopped or killed, up to `TRIES`.

        A slim program that turns out to need numpy or sympy is run again in the full one.
        SandboxError if every template was lost and a harmless program does not run either.
        """
        try:
            ended = self._ended_by_itself(program, cpu_seconds, kind, slow)
        except LaneLost as error:
            self._prove_sound(kind, slow)
            return ProgramResult(
                status="runtime_error", error=f"the program ended its sandbox: {error}", tier=TIER
            )
        if ended.message.get("status") == "numeric" and kind == "slim":
            return self.run(program, cpu_seconds, kind="full", slow=slow)
        return result_of(ended, cpu_seconds, self._settings.output_kib * 1024)

    def close(self) -> None:
        """End the templates. Closing twice does no harm."""
        with self._lock:
            self._closed = True
            lanes = [lane for idle in self._idle.values() for lane in idle]
            self._idle.clear()
        for lane in lanes:
            lane.close()

    def _ended_by_itself(self, program: str, cpu_seconds: float, kind: Kind, slow: bool) -> Ended:
        """How a program ended in the first try that no signal from outside may have ended, or else
        in the last. LaneLost if the last try lost its template."""
        for _ in range(TRIES - 1):
            with suppress(LaneLost):
                ended = self._ended(program, cpu_seconds, kind, slow)
                if not ended.may_be_from_outside:
                    return ended
        return self._ended(program, cpu_seconds, kind, slow)

    def _ended(self, program: str, cpu_seconds: float, kind: Kind, slow: bool) -> Ended:
        with self._places[slow], self._lane(kind, slow) as lane:
            return lane.run(program, cpu_seconds)

    @contextmanager
    def _lane(self, kind: Kind, slow: bool) -> Iterator[Lane]:
        """A template for one program; one that fails is not used again."""
        with self._lock:
            idle = self._idle[kind, slow]
            lane = idle.pop() if idle else None
        lane = lane or Lane(self._template(kind, slow))
        try:
            yield lane
        except BaseException:
            lane.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle[kind, slow].append(lane)
                return
        lane.close()

    def _template(self, kind: Kind, slow: bool) -> TemplateSettings:
        return TemplateSettings(
            kind=kind,
            slow=slow,
            confined=self._confined,
            memory_bytes=self._settings.memory_mib * 2**20,
            cpu_seconds=math.ceil(self._settings.timeout_s) + 1,
            output_bytes=self._settings.output_kib * 1024,
            max_text=MAX_TEXT_ANSWER,
        )

    def _prove_sound(self, kind: Kind, slow: bool) -> None:
        try:
            result = result_of(self._ended_by_itself(_HARMLESS, 10.0, kind, slow), 10.0, 1024)
        except LaneLost as error:
            raise SandboxError(f"CPython cannot run {_HARMLESS!r}: {error}") from error
        if result.answer != 2:
            raise SandboxError(f"CPython fails on {_HARMLESS!r}: {result.error}")
