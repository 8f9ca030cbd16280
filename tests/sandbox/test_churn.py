"""Thousands of programs of all kinds leave nothing behind: descriptors, zombies, memory."""

import json
import subprocess
import sys

import pytest

from mdexp.sandbox.cpython import confinement

NUM_PROGRAMS = 2000
GROWTH_MIB = 16  # of pools that fill and heaps in pieces; a leak of 10 KiB a program is over it


@pytest.mark.skipif(sys.platform != "linux" or bool(confinement()), reason="looks at /proc")
def test_thousands_of_programs_leave_nothing_behind() -> None:
    command = [sys.executable, "-m", "tests.sandbox.churn", str(NUM_PROGRAMS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.stderr == ""
    seen = json.loads(done.stdout)
    early, late = seen["early"], seen["late"]
    assert seen["programs"] == NUM_PROGRAMS
    assert seen["ok"] == pytest.approx(0.9 * NUM_PROGRAMS, rel=0.01)
    assert late["zombies"] == 0
    assert late["descriptors"] <= early["descriptors"]
    assert late["our_mib"] < early["our_mib"] + GROWTH_MIB
    assert late["their_mib"] < early["their_mib"] + GROWTH_MIB
    assert seen["left"] == 0
