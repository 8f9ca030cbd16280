"""Hostile programs, each against one property; `run` also sees the next program unharmed."""

import builtins
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp.ports import ProgramResult
from mdexp.sandbox.executor import Sandbox

Run = Callable[[str], ProgramResult]
# What the fixture `sandbox` allows: 0.25 s, and 2 KiB of output.
TIMEOUT_S = 0.25


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "ans = sum(1 for _ in iter(int, 1))",
        "import time\nwhile True: time.sleep(1000)",
    ],
)
def test_an_endless_program_ends_in_time(run: Run, program: str) -> None:
    result = run(program)
    assert result.status in ("timeout", "memory")
    assert result.seconds < TIMEOUT_S + 1


def test_an_operation_that_ignores_the_clock_is_killed(run: Run) -> None:
    result = run("import math\nans = math.isqrt(7 ** 4000000)")
    assert (result.status, result.error) == ("timeout", "TimeoutError: worker killed")
    assert result.seconds < TIMEOUT_S + 2


@pytest.mark.parametrize(
    "program",
    [
        "x = [0] * 10**10",
        "x = []\nwhile True: x.append('y' * 10000 + str(len(x)))",
        "x = 'y'\nwhile True: x += x",
        "x = 'y' * 10**10",
        "ans = 10 ** 10 ** 10",
        "ans = 1 << 10 ** 11",
        "ans = f'{1:>10000000000}'",
        "try:\n    x = [0] * 10**10\nexcept BaseException:\n    ans = 1",
    ],
)
def test_a_memory_bomb_does_not_go_off(run: Run, program: str) -> None:
    result = run(program)
    assert result.status == "memory"
    assert result.error.startswith("MemoryError")


@pytest.mark.parametrize("text", ["'x' * 3000", "'é' * 1025"])
def test_output_is_capped(run: Run, text: str) -> None:
    result = run(f"print({text})\nans = 1")
    assert (result.status, result.answer) == ("output", None)
    assert len(result.stdout.encode()) == 2048


def test_endless_output_is_capped(run: Run) -> None:
    result = run("while True: print('x' * 100)")
    assert (result.status, len(result.stdout)) == ("output", 2048)


@pytest.mark.parametrize(
    "reading",
    [
        "open({path!r}).read()",
        "__import__('pathlib').Path({path!r}).read_text()",
        "eval('open')({path!r}).read()",
    ],
)
def test_files_cannot_be_read(run: Run, tmp_path: Path, reading: str) -> None:
    canary = tmp_path / "canary"
    canary.write_text("canary's song")
    result = run("ans = " + reading.format(path=str(canary)))
    assert result.status in ("forbidden", "unsupported")
    assert "song" not in repr(result)


def test_files_cannot_be_written(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "dropped"
    result = run(f"with open({str(path)!r}, 'w') as f: f.write('x')")
    assert result.status == "forbidden"
    assert not path.exists()


@pytest.mark.parametrize(
    "program",
    [
        "import os\nans = os.system('true')",
        "from os import fork\nans = fork()",
        "import os\nans = os.listdir('/')",
        "import os\nos.kill(os.getppid(), 9)",
        "import subprocess\nans = subprocess.run(['id'])",
        "import ctypes\nans = ctypes.CDLL(None)",
        "import socket\nans = socket.socket()",
        "import importlib\nans = importlib.import_module('os')",
        "import urllib.request\nans = urllib.request.urlopen('http://localhost')",
    ],
)
def test_nothing_outside_can_be_reached(run: Run, program: str) -> None:
    assert run(program).status == "forbidden"


@pytest.mark.parametrize(
    "reading", ["os.getenv('CANARY')", "os.environ['CANARY']", "dict(os.environ)"]
)
def test_the_environment_is_not_seen(monkeypatch: pytest.MonkeyPatch, reading: str) -> None:
    monkeypatch.setenv("CANARY", "song")
    with Sandbox(timeout_s=TIMEOUT_S, memory_mib=32, output_kib=2, workers=1) as sandbox:
        (result,) = sandbox.run([f"import os\nans = str({reading})"])
    assert "song" not in repr(result)


def test_exec_and_eval_stay_inside(run: Run) -> None:
    program = (
        "exec('def leaked(): return 1')\nimport sys\nans = eval('leaked() + 1')\nsys.leaked = 1"
    )
    assert run(program.removesuffix("sys.leaked = 1")).answer == 2
    assert run(program).status == "runtime_error"
    assert not hasattr(builtins, "leaked")
    assert not hasattr(sys, "leaked")


@pytest.mark.parametrize("attribute", ["__globals__", "__code__", "__closure__", "__self__"])
def test_our_own_round_opens_no_door(run: Run, attribute: str) -> None:
    assert run(f"ans = str(round.{attribute})").status == "runtime_error"


@pytest.mark.parametrize("name", ["program", "names", "portable", "exact_round", "LARGEST_INTEGER"])
def test_our_own_names_are_not_seen(run: Run, name: str) -> None:
    result = run(f"ans = str({name})")
    assert result.error == f"NameError: name {name!r} is not defined (line 1)"


def test_a_result_cannot_be_forged(run: Run) -> None:
    program = (
        "def portable(value, max_text): return ['value', 99]\n"
        "def answer(program, max_text): return ['value', 99]\n"
        "def returned(names): return 99\n"
        "type = str = len = None\n"
        "print(['value', 99])\n"
        "ans = 1"
    )
    assert run(program).answer == 1


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("def f(): return f()\nans = f()", "runtime_error"),
        ("ans = " + "(" * 5000 + "1" + ")" * 5000, "syntax_error"),
        ("ans = " + "-" * 20000 + "1", "syntax_error"),
        ("x = []\nfor _ in range(100000): x = [x]\nans = x", "no_answer"),
        ("x = []\nx.append(x)\nans = x", "no_answer"),
    ],
)
def test_depth_is_bounded(run: Run, program: str, status: str) -> None:
    assert run(program).status == status


def test_the_next_program_starts_clean(sandbox: Sandbox) -> None:
    spoil = "x = 41\nround = 1\nimport math\ntry: math.pi = 3\nexcept Exception: pass"
    results = sandbox.run([spoil, "ans = x", "import math\nans = math.pi", "ans = round(2.5)"])
    assert results[1].error == "NameError: name 'x' is not defined (line 1)"
    assert [result.answer for result in results[2:]] == [pytest.approx(3.14159265), 2]
