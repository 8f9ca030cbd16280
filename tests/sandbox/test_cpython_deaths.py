"""Templates and hosts that die while programs run."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mdexp.sandbox.cpython import CPythonTier, confinement
from mdexp.sandbox.errors import SandboxError
from mdexp.sandbox.settings import SandboxSettings

pytestmark = pytest.mark.skipif(bool(confinement()), reason=confinement())

SETTINGS = SandboxSettings(
    timeout_s=5.0, memory_mib=64, output_kib=4, workers=2, cpython="confined"
)


@pytest.fixture
def tier() -> Iterator[CPythonTier]:
    two_workers = CPythonTier(SETTINGS, workers=2, confined=True)
    yield two_workers
    two_workers.close()


def test_an_answer_to_another_request_does_not_count(tier: CPythonTier) -> None:
    program = """
import json, os, struct
said = json.dumps({"token": "00", "status": "ran", "found": "value", "value": 13}).encode()
os.write(3, struct.pack("<I", len(said)) + said)
os._exit(0)
"""
    result, after = (tier.run(text, 1.0, kind="slim") for text in (program, "ans = 1"))
    assert (result.status, result.error) == ("runtime_error", "the program answered out of turn")
    assert after.answer == 1


def test_each_request_has_a_token_of_its_own(tier: CPythonTier) -> None:
    program = """
import gc
ans = [one._token for one in gc.get_objects() if type(one).__name__ == "ChildReply"][0]
"""
    first, second = (str(tier.run(program, 1.0, kind="slim").answer) for _ in range(2))
    assert first != second
    assert len(bytes.fromhex(first)) == len(bytes.fromhex(second)) == 8


def test_a_program_whose_processes_are_stopped_runs_in_others(tier: CPythonTier) -> None:
    tier.run("ans = 1", 1.0, kind="slim", slow=True)
    for child in _children(tier._idle["slim", True][0].pid):
        os.kill(child, signal.SIGSTOP)
    assert tier.run("import os\nans = 2", 0.1, kind="slim", slow=True).answer == 2


def test_each_program_gets_its_own_result_while_templates_are_killed(tier: CPythonTier) -> None:
    over, chance, killed = threading.Event(), random.Random(0), []
    answers: list[int] = []

    def kill() -> None:
        while not over.wait(0.1):
            if len(answers) < 50 * len(killed):
                continue  # a busy machine takes its time to start another
            if templates := [one for one in _children(os.getpid()) if _is_template(one)]:
                killed.append(chance.choice(templates))
                os.kill(killed[-1], signal.SIGKILL)

    def answered(number: int) -> int:
        result = tier.run(f"import os\nans = {number}", 5.0, kind="slim")  # a fork each
        answers.append(number)
        lost_twice = result.error.startswith("the program ended its sandbox")
        assert lost_twice or result.answer == number, result
        return lost_twice

    with ThreadPoolExecutor(3) as pool:
        killing = pool.submit(kill)
        try:
            lost = sum(pool.map(answered, range(500)))
        finally:
            over.set()
    killing.result()
    assert killed
    assert lost <= 2


def test_a_template_that_dies_is_replaced(tier: CPythonTier) -> None:
    tier.run("ans = 1", 1.0, kind="slim")
    os.kill(tier._idle["slim", False][0].pid, signal.SIGKILL)
    assert tier.run("ans = 2", 1.0, kind="slim").answer == 2


def test_templates_that_never_start_are_a_broken_sandbox(
    tier: CPythonTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mdexp.sandbox.template_process._START", "raise SystemExit('no such library')"
    )
    with pytest.raises(SandboxError, match=r"CPython cannot run 'ans = 1 \+ 1': .*no such library"):
        tier.run("ans = 1", 1.0, kind="slim")


def test_nothing_runs_on_when_our_process_is_killed() -> None:
    host = subprocess.Popen([sys.executable, "-c", _HOST], stdout=subprocess.PIPE, text=True)
    assert host.stdout
    template = int(host.stdout.readline())
    _until(lambda: bool(_children(template)))
    started = [template, *_children(template)]
    host.kill()
    host.wait()
    host.stdout.close()
    _until(lambda: not any(_runs(pid) for pid in started))


_HOST = """
import threading
from mdexp.sandbox.cpython import CPythonTier
from mdexp.sandbox.settings import SandboxSettings

settings = SandboxSettings(
    timeout_s=60, memory_mib=64, output_kib=4, workers=1, cpython="confined"
)
tier = CPythonTier(settings, workers=1, confined=True)
tier.run("ans = 1", 1.0, kind="slim")
print(tier._idle["slim", False][0].pid, flush=True)
tier.run("while True: pass", 60.0, kind="slim")
"""


def _children(pid: int) -> list[int]:
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]


def _is_template(pid: int) -> bool:
    return b"mdexp.sandbox.confined.template" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)
