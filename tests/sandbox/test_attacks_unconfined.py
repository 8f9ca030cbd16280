"""The attacks where nothing holds them back: they have to succeed, or the suite shows nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mdexp.records import ProgramResult
from tests.sandbox.attacked import Attacked, attacked
from tests.sandbox.attacks import Attack
from tests.sandbox.attacks_files import FILES
from tests.sandbox.attacks_kernel import KERNEL
from tests.sandbox.attacks_outside import ENVIRONMENT, NETWORK
from tests.sandbox.attacks_poison import CPYTHON_PROBES, HEAVY_PROBES, POISON, PROBES
from tests.sandbox.attacks_processes import PROCESSES
from tests.sandbox.world import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the attacks are on Linux")

CONTROLS = {
    f"{group}-{attack.name}": attack
    for group, attacks in {
        "files": FILES,
        "environment": ENVIRONMENT,
        "network": NETWORK,
        "processes": PROCESSES,
        "kernel": KERNEL,
    }.items()
    for attack in attacks
    if attack.control
}
# The next program in the same process, as where there are no children.
_SHARED = """
import json, sys
write, text, right, evil = sys.stdout.write, *json.load(sys.stdin)
loads, names = json.loads, {}
exec(evil, {})
try:
    exec(text, names)
except BaseException:
    pass
if names.get('ans') != right: write('poisoned')
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture(scope="module")
def unprotected() -> Iterator[Attacked]:
    with attacked("unprotected") as tier:
        yield tier


@pytest.mark.parametrize("attack", CONTROLS.values(), ids=CONTROLS)
def test_an_attack_succeeds_where_nothing_holds_it_back(world: World, attack: Attack) -> None:
    told = _output(f"{world.text(attack.program)}\nprint(globals().get('ans'))")
    assert world.harm(ProgramResult(status="ok", stdout=told))


@pytest.mark.parametrize(
    "attack", [attack for attack in POISON if attack.control], ids=lambda attack: attack.name
)
def test_a_poison_works_on_a_process_that_is_shared(attack: Attack) -> None:
    probes = PROBES | CPYTHON_PROBES
    if "numpy" in attack.program or "sympy" in attack.program:
        probes = HEAVY_PROBES
    told = [
        _output(_SHARED, json.dumps([text, right, attack.program]))
        for text, right in probes.items()
    ]
    assert "poisoned" in told


@pytest.mark.parametrize("attack", POISON, ids=lambda attack: attack.name)
def test_even_an_unprotected_process_is_not_shared(unprotected: Attacked, attack: Attack) -> None:
    probes = unprotected.probes(attack.program)
    _, *after = unprotected.run([attack.program, *probes])
    assert [one.answer for one in after] == list(probes.values())


def _output(program: str, given: str = "") -> str:
    """What a program prints in an interpreter of its own, with the attacks' other effects."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=60, errors="replace"
    )
    return done.stdout
