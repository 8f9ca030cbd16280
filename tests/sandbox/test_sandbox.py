"""The sandbox as a whole: order, tiers, workers that die or never start, settings."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from mdexp.sandbox import executor
from mdexp.sandbox.cpython import confinement
from mdexp.sandbox.executor import Sandbox, SandboxError
from mdexp.sandbox.settings import SandboxSettings

Tier = Literal["confined", "off", "unprotected"]
ROOT = Path(__file__).parents[2]
confined = pytest.mark.skipif(bool(confinement()), reason="CPython cannot be confined here")


def a_sandbox(workers: int = 1, cpython: Tier = "off") -> Sandbox:
    return Sandbox(timeout_s=0.25, memory_mib=32, output_kib=2, workers=workers, cpython=cpython)


def test_results_keep_their_order_among_slow_and_equal_programs() -> None:
    programs = [f"ans = {n % 40}" for n in range(80)]
    programs[5] = programs[50] = "while True: pass"
    with a_sandbox(workers=2) as sandbox:
        results = sandbox.run(programs)
    expected = [None if n in (5, 50) else n % 40 for n in range(80)]
    assert [result.answer for result in results] == expected


def test_no_programs_give_no_results(sandbox: Sandbox) -> None:
    assert sandbox.run([]) == []


@confined
def test_what_monty_lacks_is_answered_by_cpython(sandbox: Sandbox) -> None:
    assert (sandbox.tiers, sandbox.lacks) == (("monty", "cpython"), "")
    results = sandbox.run(
        ["ans = 1", "from fractions import Fraction\nans = Fraction(6, 4)", "x = (1", "1 / 0"]
    )
    assert [(result.status, result.answer, result.tier) for result in results] == [
        ("ok", 1, "monty"),
        ("ok", 1.5, "cpython"),
        ("syntax_error", None, "cpython"),
        ("runtime_error", None, "cpython"),
    ]
    assert results[3].error == "ZeroDivisionError: division by zero (line 1)"


def test_without_cpython_it_says_what_is_lacking() -> None:
    with a_sandbox() as sandbox:
        assert sandbox.tiers == ("monty",)
        assert sandbox.lacks == (
            "CPython is off (sandbox=monty), so what Monty cannot run is `unsupported`"
        )


def test_a_machine_that_cannot_confine_cpython_does_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executor, "confinement", lambda: "there is no seccomp here")
    with a_sandbox(cpython="confined") as sandbox:
        (result,) = sandbox.run(["import numpy as np\nans = np.pi"])
        assert sandbox.tiers == ("monty",)
        assert sandbox.lacks == (
            "there is no seccomp here, so what Monty cannot run is `unsupported`"
        )
    assert result.status == "unsupported"


def test_unprotected_is_for_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor.sys, "platform", "darwin")
    with pytest.raises(
        SandboxError, match="sandbox=unsafe runs on Linux alone, and this is darwin"
    ):
        a_sandbox(cpython="unprotected")


def test_unprotected_is_said_loudly() -> None:
    with a_sandbox(cpython="unprotected") as sandbox:
        assert sandbox.tiers == ("monty", "cpython")
        assert sandbox.lacks == (
            "programs run in CPython WITHOUT the kernel's protection (sandbox=unsafe)"
        )


def test_a_stream_that_is_given_up_leaves_no_thread() -> None:
    before = threading.active_count()
    with a_sandbox(workers=2) as sandbox:
        stream = sandbox.stream(f"ans = {n}" for n in range(10**9))
        assert [next(stream).answer for _ in range(3)] == [0, 1, 2]
        stream.close()
        assert threading.active_count() == before
        assert sandbox.run(["ans = 5"])[0].answer == 5


def _workers() -> list[int]:
    """The process ids of the Monty workers of this process."""
    return [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
        if Path(f"/proc/{pid}/comm").read_text().strip() == "monty"
    ]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers through /proc")
def test_programs_survive_the_death_of_workers() -> None:
    done = threading.Event()

    def kill_now_and_then() -> None:
        while not done.wait(0.2):
            for pid in _workers()[-1:]:
                os.kill(pid, signal.SIGKILL)

    programs = [f"ans = sum(range({n}))" for n in range(3000, 6000)]
    with a_sandbox(workers=2, cpython="confined") as sandbox:
        killer = threading.Thread(target=kill_now_and_then)
        killer.start()
        try:
            results = sandbox.run(programs)
        finally:
            done.set()
            killer.join()
    wrong = [
        result
        for n, result in zip(range(3000, 6000), results, strict=True)
        if result.status == "ok" and result.answer != n * (n - 1) // 2
    ]
    assert not wrong
    if sandbox.tiers != ("monty",):
        assert {result.status for result in results} == {"ok"}


def test_workers_that_do_not_work_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTY_BIN", "/bin/false")
    with a_sandbox() as sandbox, pytest.raises(SandboxError, match="die on 'ans = 1 \\+ 1'"):
        sandbox.run(["ans = 1"])


def test_workers_that_do_not_start_are_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(executor, "confinement", lambda: "nothing here")
    monkeypatch.setenv("MONTY_BIN", str(tmp_path / "missing"))
    with pytest.raises(SandboxError, match="no Monty worker can be started"):
        a_sandbox()


def test_a_closed_sandbox_says_so() -> None:
    sandbox = a_sandbox()
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxError, match="no Monty worker can be had"):
        sandbox.run(["ans = 1"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout_s", 0),
        ("timeout_s", 601),
        ("timeout_s", float("nan")),
        ("memory_mib", 15),
        ("output_kib", 0),
        ("workers", -1),
        ("cpython", "bare"),
    ],
)
def test_settings_out_of_range_are_named(key: str, value: float | str) -> None:
    good = {"cpython": "off", "timeout_s": 1.0, "memory_mib": 64, "output_kib": 64, "workers": 0}
    SandboxSettings.model_validate(good)
    with pytest.raises(ValidationError, match=key):
        SandboxSettings.model_validate(good | {key: value})


def test_settings_are_judged_without_the_sandbox() -> None:
    code = "import sys, mdexp.sandbox.settings; sys.exit('pydantic_monty' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
