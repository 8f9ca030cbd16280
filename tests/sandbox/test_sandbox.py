"""The sandbox as a whole: order, workers that die or never start, settings."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from pydantic import ValidationError
from pydantic_monty import Monty, MontyCrashedError

from mdexp.sandbox.executor import Sandbox, SandboxError
from mdexp.sandbox.printed import Printed
from mdexp.sandbox.settings import SandboxSettings

ROOT = Path(__file__).parents[2]


def a_sandbox(workers: int = 1) -> Sandbox:
    return Sandbox(timeout_s=0.25, memory_mib=32, output_kib=2, workers=workers)


def test_results_keep_their_order_among_slow_and_equal_programs() -> None:
    programs = [f"ans = {n % 40}" for n in range(80)]
    programs[5] = programs[50] = "while True: pass"
    with a_sandbox(workers=2) as sandbox:
        results = sandbox.run(programs)
    expected = [None if n in (5, 50) else n % 40 for n in range(80)]
    assert [result.answer for result in results] == expected


def test_no_programs_give_no_results(sandbox: Sandbox) -> None:
    assert sandbox.run([]) == []


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
        while not done.wait(0.05):
            for pid in _workers()[-1:]:
                os.kill(pid, signal.SIGKILL)

    with a_sandbox(workers=2) as sandbox:
        killer = threading.Thread(target=kill_now_and_then)
        killer.start()
        try:
            results = sandbox.run([f"ans = {n}" for n in range(600)])
        finally:
            done.set()
            killer.join()
    assert [result.answer for result in results] == list(range(600))


def test_a_program_that_ends_its_worker_twice_is_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(MontyCrashedError) as crash,
        Monty(binary_path="/bin/false", request_timeout=5) as pool,
        pool.checkout() as session,
    ):
        session.feed_run("1")
    with a_sandbox() as sandbox:
        feed = sandbox._monty._feed

        def dying_feed(program: str, printed: Printed) -> object:
            if program == "evil":
                raise crash.value
            return feed(program, printed)

        monkeypatch.setattr(sandbox._monty, "_feed", dying_feed)
        result, after = sandbox.run(["evil", "ans = 1"])
    assert after.answer == 1
    assert result.status == "runtime_error"
    assert result.error.startswith("the program ended its worker: ")


def test_workers_that_do_not_work_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTY_BIN", "/bin/false")
    with a_sandbox() as sandbox, pytest.raises(SandboxError, match="die on 'ans = 1 \\+ 1'"):
        sandbox.run(["ans = 1"])


def test_workers_that_do_not_start_are_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MONTY_BIN", str(tmp_path / "missing"))
    with pytest.raises(SandboxError, match="no Monty worker can be started"):
        a_sandbox()


def test_a_closed_sandbox_says_so() -> None:
    sandbox = a_sandbox()
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxError, match="no Monty worker can be had"):
        sandbox.run(["ans = 1"])


def test_every_file_of_the_group_sets_every_key() -> None:
    files = list((ROOT / "conf" / "sandbox").glob("*.yaml"))
    assert files
    for file in files:
        keys = OmegaConf.to_container(OmegaConf.load(file))
        assert isinstance(keys, dict)
        assert set(keys) == set(SandboxSettings.model_fields)
        SandboxSettings.model_validate(keys)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout_s", 0),
        ("timeout_s", 601),
        ("timeout_s", float("nan")),
        ("memory_mib", 15),
        ("output_kib", 0),
        ("workers", -1),
    ],
)
def test_settings_out_of_range_are_named(key: str, value: float) -> None:
    good = {"timeout_s": 1.0, "memory_mib": 64, "output_kib": 64, "workers": 0}
    with pytest.raises(ValidationError, match=key):
        SandboxSettings.model_validate(good | {key: value})


def test_settings_are_judged_without_the_sandbox() -> None:
    code = "import sys, mdexp.sandbox.settings; sys.exit('pydantic_monty' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
