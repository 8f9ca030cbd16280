"""Sandbox processes that are stopped or killed in series, by whom ever: no sound program fails."""

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import pytest

from mdexp.sandbox.cpython import confinement
from mdexp.sandbox.executor import Sandbox
from tests.sandbox.processes import descendants

pytestmark = pytest.mark.skipif(bool(confinement()), reason=confinement())

NUM_PROGRAMS = 400
SIGNALS = (signal.SIGKILL, signal.SIGSTOP)
SOUND = ("ans = {n}", "import os\nans = {n}")  # what Monty answers, and what CPython does


@contextmanager
def storm(sent: signal.Signals, every_s: float, strikes: int) -> Iterator[list[int]]:
    """Send a signal to a random process below ours, so many times; those that were hit."""
    over, chance, hit = threading.Event(), random.Random(0), list[int]()

    def strike() -> None:
        while len(hit) < strikes and not over.wait(every_s):
            if below := [pid for pid, state in descendants().items() if _may_be_hit(pid, state)]:
                hit.append(chance.choice(below))
                with suppress(ProcessLookupError):
                    os.kill(hit[-1], sent)

    striking = threading.Thread(target=strike)
    striking.start()
    try:
        yield hit
    finally:
        over.set()
        striking.join()


def _may_be_hit(pid: int, state: str) -> bool:
    """Not before it has become another program: until then `subprocess` waits for it forever."""
    with suppress(OSError):
        ours = Path("/proc/self/cmdline").read_bytes()
        return state not in "ZT" and Path(f"/proc/{pid}/cmdline").read_bytes() != ours
    return False


@pytest.mark.parametrize(
    ("sent", "cpython", "every_s", "strikes"),
    [
        (signal.SIGKILL, "confined", 0.3, 20),
        (signal.SIGKILL, "off", 0.1, 20),
        (signal.SIGSTOP, "confined", 0.8, 4),
        (signal.SIGSTOP, "off", 0.5, 3),  # Monty's pool waits 10 s for a worker that stands still
    ],
)
def test_no_sound_program_fails_in_a_storm(
    sent: signal.Signals, cpython: Literal["confined", "off"], every_s: float, strikes: int
) -> None:
    forms = SOUND if cpython == "confined" else SOUND[:1]
    programs = [forms[n % len(forms)].format(n=n) for n in range(NUM_PROGRAMS)]
    with Sandbox(timeout_s=0.5, memory_mib=64, output_kib=4, workers=2, cpython=cpython) as sandbox:
        sandbox.run(programs[:3])
        with storm(sent, every_s, strikes) as hit:
            while len(hit) < strikes:
                results = sandbox.run(programs)
                failed = {n: r for n, r in enumerate(results) if r.answer != n}
                assert not failed


def test_what_ends_every_process_of_its_own_has_failed() -> None:
    """Without the kernel's filter a program can kill or stop itself."""
    kills, stops = (f"import os\nos.kill(os.getpid(), {number:d})" for number in SIGNALS)
    programs = [kills, stops, "import os\nans = 3"]
    with Sandbox(
        timeout_s=0.5, memory_mib=64, output_kib=4, workers=1, cpython="unprotected"
    ) as sandbox:
        killed, stopped, sound = sandbox.run(programs)
    assert (killed.status, killed.error) == (
        "runtime_error",
        "the program ended its process by SIGKILL",
    )
    assert (stopped.status, stopped.error) == ("runtime_error", "the program stopped its process")
    assert sound.answer == 3
