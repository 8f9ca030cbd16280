"""Attacks on what runs beside the programs inside Monty: its names, its functions, its order."""

import builtins
import sys
from collections.abc import Iterator

import pytest

from mdexp.sandbox.executor import Sandbox
from tests.sandbox.attacked import MEMORY_MIB, OUTPUT_KIB, TIMEOUT_S

NAMES = ("program", "programs", "names", "found", "begun", "run_on", "mark", "portable", "bound")


@pytest.fixture(scope="module")
def monty() -> Iterator[Sandbox]:
    with Sandbox(
        timeout_s=TIMEOUT_S,
        memory_mib=MEMORY_MIB,
        output_kib=OUTPUT_KIB,
        workers=1,
        cpython="off",
    ) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", NAMES)
def test_our_own_names_are_not_seen(monty: Sandbox, name: str) -> None:
    (result,) = monty.run([f"ans = str({name})"])
    assert f"name {name!r} is not defined" in result.error


@pytest.mark.parametrize("attribute", ["__globals__", "__code__", "__closure__", "__self__"])
def test_our_own_round_opens_no_door(monty: Sandbox, attribute: str) -> None:
    assert monty.run([f"ans = str(round.{attribute})"])[0].status == "unsupported"


def test_what_a_program_defines_stays_inside(monty: Sandbox) -> None:
    (result,) = monty.run(["exec('def leaked(): return 1')\nans = eval('leaked() + 1')"])
    assert result.answer == 2
    assert not hasattr(builtins, "leaked") and not hasattr(sys, "leaked")


@pytest.mark.parametrize(
    "evil",
    [
        "while True: pass",
        "x = [0] * 10**10",
        "while True: print('x' * 100)",
        "print('x' * 10**6)",
        "for _ in range(30000): print('é')",
        "x = ['y' * 10**6] * 10**6\nans = ''.join(x)",
        "import math\nans = math.isqrt(7 ** 4000000)",
    ],
)
def test_neighbours_keep_what_they_printed(monty: Sandbox, evil: str) -> None:
    results = monty.run(["print(5)", evil, "print(6)", "ans = 3\nprint(7)"])
    told = [(result.status, result.answer, result.stdout) for result in results]
    assert told[1] == ("unsupported", None, "")
    del told[1]
    assert told == [("ok", "5", "5\n"), ("ok", "6", "6\n"), ("ok", 3, "7\n")]
