"""The tiers as the attacks meet them: a way to run programs, and what they are known by."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mdexp.records import ProgramResult
from mdexp.sandbox.cpython import CPythonTier
from mdexp.sandbox.executor import Sandbox
from mdexp.sandbox.settings import SandboxSettings
from tests.sandbox.attacks_poison import CPYTHON_PROBES, HEAVY_PROBES, PROBES
from tests.sandbox.processes import descendants

TIMEOUT_S = 0.1
MEMORY_MIB = 64
OUTPUT_KIB = 2
# These go to the processes for slow programs; the second shows late that it needs the full one.
SLOW = ("while True: pass", "for _ in range(10**6): pass\n__import__('num' + 'py')")
Run = Callable[[Sequence[str]], list[ProgramResult]]


@dataclass(frozen=True)
class Attacked:
    """A tier under attack."""

    name: str
    run: Run
    num_processes: int  # at rest

    @property
    def abstains(self) -> str:
        """The status of what a tier alone does not decide; empty if it decides all."""
        return "unsupported" if self.name == "monty" else ""

    def probes(self, program: str) -> dict[str, str | int | float]:
        """What is run beside a program, with the right answers."""
        if self.name == "monty":
            return PROBES
        return PROBES | CPYTHON_PROBES | (HEAVY_PROBES if is_heavy(program) else {})

    def is_at_rest(self) -> bool:
        """Whether nothing runs that did not run before, at once or after a moment."""
        for _ in range(100):
            if len(descendants()) <= self.num_processes:
                return True
            time.sleep(0.02)
        return False


@contextmanager
def attacked(name: str) -> Iterator[Attacked]:
    """The tier of that name, with all of its processes started, and closed afterwards."""
    with _running(name) as run:
        run([*PROBES, *CPYTHON_PROBES, *HEAVY_PROBES, *SLOW])
        yield Attacked(name=name, run=run, num_processes=_num_at_rest())


def _num_at_rest() -> int:
    """How many processes are below ours when each has started what it keeps ready."""
    numbers = []
    for _ in range(25):
        numbers.append(len(descendants()))
        time.sleep(0.02)
    return max(numbers)


@contextmanager
def _running(name: str) -> Iterator[Run]:
    settings = SandboxSettings(
        timeout_s=TIMEOUT_S,
        memory_mib=MEMORY_MIB,
        output_kib=OUTPUT_KIB,
        workers=1,
        cpython="off" if name == "monty" else "confined",
    )
    if name in ("monty", "sandbox"):
        with Sandbox(**settings.model_dump()) as sandbox:
            yield sandbox.run
        return
    tier = CPythonTier(settings, workers=1, confined=name != "unprotected")
    try:
        yield lambda programs: [
            tier.run(text, TIMEOUT_S, kind="full" if is_heavy(text) else "slim")
            for text in programs
        ]
    finally:
        tier.close()


def is_heavy(program: str) -> bool:
    """Whether a program is about what only CPython with numpy and sympy has."""
    return "numpy" in program or "sympy" in program
