"""A sandbox small enough to attack, and a run that sees whether it held."""

from collections.abc import Callable, Iterator

import pytest

from mdexp.records import ProgramResult
from mdexp.sandbox.executor import Sandbox

TIMEOUT_S = 0.25
Run = Callable[[str], ProgramResult]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=TIMEOUT_S, memory_mib=32, output_kib=2, workers=1) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def run(sandbox: Sandbox) -> Run:
    """Run one program and see that its worker serves the next one as before."""

    def run_and_look(program: str) -> ProgramResult:
        result, after = sandbox.run([program, "ans = 6 * 7"])
        assert (after.status, after.answer) == ("ok", 42)
        return result

    return run_and_look
