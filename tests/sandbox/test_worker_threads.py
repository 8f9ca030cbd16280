"""Which tier is asked when, for how long, and what is left when something breaks."""

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from mdexp.records import ProgramResult
from mdexp.sandbox.errors import SandboxError
from mdexp.sandbox.ordered_stream import BATCH, LOOK_AHEAD, in_order
from mdexp.sandbox.worker_threads import FIRST_TRY_S, Lanes

TIMEOUT_S = 3.0
LACKING = ProgramResult(status="unsupported", error="NameError: name 'x' is not defined")
LATE = ProgramResult(status="timeout", error="TimeoutError: feed time limit exceeded")


class FakeMonty:
    """Answers with the program's length, but for those that name what it cannot."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        self.asked += programs
        return [self._result(program) for program in programs]

    def _result(self, program: str) -> ProgramResult:
        if "broken" in program:
            raise SandboxError("no worker can be had")
        if "lacking" in program:
            return LACKING
        return LATE if "late" in program else ProgramResult(status="ok", answer=len(program))


class FakeCPython:
    """Notes what it is asked for; `endless` programs use up whatever they get."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float, str, bool]] = []

    def run(
        self, program: str, cpu_seconds: float, *, kind: str, slow: bool = False
    ) -> ProgramResult:
        self.asked.append((program, cpu_seconds, kind, slow))
        status: Any = "timeout" if "endless" in program else "ok"
        return ProgramResult(status=status, answer=None if status == "timeout" else -1)


def results_of(
    programs: Sequence[str], monty: Any, cpython: Any, timeout_s: float = TIMEOUT_S
) -> list[ProgramResult]:
    lanes = Lanes(monty, cpython, timeout_s, workers=2)
    try:
        return list(in_order(programs, lanes.start))
    finally:
        lanes.close()


def test_what_monty_answers_is_final() -> None:
    cpython = FakeCPython()
    (result,) = results_of(["ans = 1"], FakeMonty(), cpython)
    assert (result.answer, cpython.asked) == (7, [])


@pytest.mark.parametrize(
    ("program", "tries"),
    [
        ("lacking", [(FIRST_TRY_S, "slim", False)]),
        ("ans = {1, 2}", [(FIRST_TRY_S, "slim", False)]),
        ("import sympy\nsympy.lacking", [(FIRST_TRY_S, "full", False)]),
        ("late", [(TIMEOUT_S, "slim", True)]),
        ("lacking, endless", [(FIRST_TRY_S, "slim", False), (TIMEOUT_S, "slim", True)]),
    ],
)
def test_cpython_gets_the_rest_first_for_a_short_time(
    program: str, tries: list[tuple[float, str, bool]]
) -> None:
    cpython = FakeCPython()
    (result,) = results_of([program], FakeMonty(), cpython)
    assert cpython.asked == [(program, *one) for one in tries]
    assert result.status == ("timeout" if "endless" in program else "ok")


def test_a_time_limit_below_the_first_try_is_kept() -> None:
    cpython = FakeCPython()
    results_of(["lacking, endless"], FakeMonty(), cpython, timeout_s=0.05)
    assert cpython.asked == [("lacking, endless", 0.05, "slim", False)]


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("lacking", "NameError: name 'x' is not defined"),
        ("late", "TimeoutError: feed time limit exceeded"),
        ("ans = {1, 2}", "Monty may answer this differently from CPython, which is not used here"),
    ],
)
def test_without_cpython_the_rest_is_unsupported(program: str, error: str) -> None:
    (result,) = results_of([program], FakeMonty(), None)
    assert (result.status, result.answer, result.error) == ("unsupported", None, error)


@pytest.mark.parametrize(
    ("program", "status", "error"),
    [
        ("x\0", "syntax_error", "SyntaxError: source code cannot contain null bytes"),
        ("x\ud800", "syntax_error", "SyntaxError: source code cannot contain surrogates"),
        ("#" * 65537, "unsupported", "the program has 65537 bytes; at most 65536 are run"),
    ],
)
def test_some_texts_are_not_run(program: str, status: str, error: str) -> None:
    monty, cpython = FakeMonty(), FakeCPython()
    (result,) = results_of([program], monty, cpython)
    assert (result.status, result.error) == (status, error)
    assert monty.asked == [] and cpython.asked == []


def test_order_is_kept() -> None:
    programs = [f"ans = {n % 100}" + " lacking" * (n % 7 == 0) for n in range(1000)]
    results = results_of(programs, FakeMonty(), FakeCPython())
    assert [r.answer for r in results] == [-1 if "lacking" in p else len(p) for p in programs]


def test_equal_programs_that_are_under_way_are_run_once() -> None:
    monty = FakeMonty()
    assert len(results_of([f"ans = {n % 10}" for n in range(600)], monty, None)) == 600
    assert Counter(monty.asked) == {f"ans = {n}": 1 for n in range(10)}


def test_a_stream_is_read_only_so_far_ahead() -> None:
    taken, release = 0, threading.Event()

    def programs() -> Any:
        nonlocal taken
        for taken in range(1, 5 * LOOK_AHEAD):
            yield "slow" if taken == 1 else f"ans = {taken}"

    class Waiting(FakeMonty):
        def run(self, programs: Sequence[str]) -> list[ProgramResult]:
            release.wait(20)
            return super().run(programs)

    lanes = Lanes(Waiting(), None, TIMEOUT_S, workers=2)  # type: ignore[arg-type]
    stream = in_order(programs(), lanes.start)
    threading.Timer(0.3, release.set).start()
    assert next(stream).answer == 4
    assert BATCH < taken <= LOOK_AHEAD
    lanes.close()


def test_many_equal_programs_do_not_wait_for_a_batch_to_fill() -> None:
    results = results_of(["ans = 1"] * (LOOK_AHEAD + 10), FakeMonty(), None)
    assert {result.answer for result in results} == {7}


def test_a_broken_sandbox_ends_the_stream_and_its_threads() -> None:
    before = threading.active_count()
    programs = [f"ans = {n}" for n in range(1000)]
    programs[500] = "broken"
    with pytest.raises(SandboxError, match="no worker can be had"):
        results_of(programs, FakeMonty(), FakeCPython())
    assert threading.active_count() == before
