"""Every attack against every tier: it gets nowhere, and the programs beside it do not notice."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import get_args

import pytest

from mdexp.records import ProgramResult, ProgramStatus
from mdexp.sandbox.cpython import confinement
from tests.sandbox.attacked import OUTPUT_KIB, Attacked, attacked
from tests.sandbox.attacks import Attack
from tests.sandbox.attacks_answers import ANSWERS
from tests.sandbox.attacks_exhaustion import EXHAUSTION
from tests.sandbox.attacks_files import FILES
from tests.sandbox.attacks_forgery import FORGERY
from tests.sandbox.attacks_kernel import KERNEL
from tests.sandbox.attacks_lifetime import LIFETIME
from tests.sandbox.attacks_outside import ENVIRONMENT, NETWORK
from tests.sandbox.attacks_poison import POISON
from tests.sandbox.attacks_processes import PROCESSES
from tests.sandbox.processes import adopt_orphans, descendants
from tests.sandbox.world import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

GROUPS = {
    "files": FILES,
    "environment": ENVIRONMENT,
    "network": NETWORK,
    "processes": PROCESSES,
    "kernel": KERNEL,
    "forgery": FORGERY,
    "lifetime": LIFETIME,
    "poison": POISON,
    "exhaustion": EXHAUSTION,
    "answers": ANSWERS,
}
ALL = [
    pytest.param(attack, id=f"{group}-{attack.name}")
    for group, attacks in GROUPS.items()
    for attack in attacks
]
PATIENCE_S = 10.0  # of a verdict; a hundred times the limit, as other processes may be in the way
WATCHDOG_S = 900
# Ends us for sure: an attack that stops or traces our process stops every timer in it as well.
_WATCHDOG = """
import os, select, signal, sys
if not select.select([sys.stdin], [], [], float(sys.argv[2]))[0]:
    os.kill(int(sys.argv[1]), signal.SIGKILL)
"""


@pytest.fixture(scope="module", autouse=True)
def watchdog() -> Iterator[None]:
    command = [sys.executable, "-c", _WATCHDOG, str(os.getpid()), str(WATCHDOG_S)]
    dog = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    yield
    dog.communicate()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture(scope="module", params=["monty", "cpython", "sandbox"])
def tier(request: pytest.FixtureRequest, watchdog: None, world: World) -> Iterator[Attacked]:
    if request.param != "monty" and (lacks := confinement()):
        pytest.skip(lacks)
    adopt_orphans()
    before = descendants()
    with attacked(request.param) as tier:
        yield tier
    assert _left_running(before) == []


@pytest.mark.parametrize("attack", ALL)
def test_an_attack_gets_nowhere(tier: Attacked, world: World, attack: Attack) -> None:
    probes = tier.probes(attack.program)
    first, *others = probes
    start = time.monotonic()
    before, result, *after = tier.run([first, world.text(attack.program), *others])
    seconds = time.monotonic() - start
    assert [one.answer for one in (before, *after)] == list(probes.values())
    harm = world.harm(result)
    assert not harm, f"{tier.name}: {attack.name} must not {attack.must_not}: {harm} {result}"
    assert is_well_formed(result)
    # Monty alone answers or does not, and does not say why.
    assert not attack.statuses or result.status in (*attack.statuses, tier.abstains)
    assert seconds < PATIENCE_S
    assert tier.is_at_rest()


def is_well_formed(result: ProgramResult) -> bool:
    """Whether a result is one, whatever the program has said."""
    texts = (result.error, result.stdout, result.tier)
    answer = result.answer
    f"{texts} {answer}".encode()  # no halves of letters
    return (
        result.status in get_args(ProgramStatus)
        and type(answer) in ((int, float, str, bool) if result.status == "ok" else (type(None),))
        and (not isinstance(answer, float) or math.isfinite(answer))
        and len(str(answer)) <= 1001
        and all(type(text) is str for text in texts)
        and len(result.stdout.encode()) <= OUTPUT_KIB * 1024
        and len(result.error) < 500
        and 0 <= result.seconds < PATIENCE_S
    )


def _left_running(before: dict[int, str]) -> list[str]:
    """Commands of processes that began since and do not end."""
    left: list[int] = []
    for _ in range(200):
        left = [pid for pid in descendants() if pid not in before]
        if not left:
            return []
        _reap_adopted(left)
        time.sleep(0.01)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return [f"process {pid}" for pid in left]


def _reap_adopted(pids: list[int]) -> None:
    """What lost its parent is ours to reap."""
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
