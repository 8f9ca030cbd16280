"""Vetted programs share a process and do not see each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mdexp.sandbox.cpython import CPythonTier, confinement
from mdexp.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(
    timeout_s=5.0, memory_mib=256, output_kib=16, workers=1, cpython="confined"
)


needs_filter = pytest.mark.skipif(bool(confinement()), reason=confinement())


@pytest.fixture(scope="module")
def tier() -> Iterator[CPythonTier]:
    one_worker = CPythonTier(SETTINGS, workers=1, confined=True)
    yield one_worker
    one_worker.close()


def _children(tier: CPythonTier) -> set[str]:
    pid = tier._idle["full", False][0].pid
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())


VETTED = "from sympy import *\nx = symbols('x')\nans = solve(2 * x - {})[0]"


@needs_filter
def test_vetted_programs_share_a_process_and_others_do_not(tier: CPythonTier) -> None:
    assert tier.run("ans = 1", 5.0, kind="full").answer == 1
    before = _children(tier)
    for number in range(3):
        assert tier.run(VETTED.format(2 * number), 5.0, kind="full").answer == number
    assert _children(tier) == before
    assert tier.run("import random\nans = 5", 5.0, kind="full").answer == 5
    assert tier.run(VETTED.format(8), 5.0, kind="full").answer == 4  # the fork has been reaped
    assert len(before - _children(tier)) == 1


@needs_filter
@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("1 / 0", "runtime_error"),
        ("while True: pass", "timeout"),
        ("ans = [0] * 10**10", "memory"),
        ("print('x' * 10**6)", "output"),
        ("from sympy import *\nans = simplify('1 + 1')", "ok"),
        ("print = 3\nabs = 4\nsum = None\nans = 1", "ok"),
    ],
)
def test_the_next_program_finds_all_as_it_was(tier: CPythonTier, program: str, status: str) -> None:
    assert tier.run(program, 0.5, kind="full").status == status
    after = tier.run("x = 'none'\nprint(sum([abs(-6), 1]))", 5.0, kind="full")
    assert (after.status, after.answer, after.stdout) == ("ok", "7", "7\n")
    assert (
        tier.run("ans = x", 5.0, kind="full").error == "NameError: name 'x' is not defined (line 1)"
    )


@needs_filter
def test_a_forked_program_leaves_the_warm_one_alone(tier: CPythonTier) -> None:
    poison = "import sympy, builtins\nsympy.solve = None\nbuiltins.sum = None\nans = 1"
    assert tier.run(poison, 5.0, kind="full").answer == 1
    assert tier.run(VETTED.format(8), 5.0, kind="full").answer == 4
