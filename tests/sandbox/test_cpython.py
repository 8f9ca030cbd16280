"""The CPython tier: what programs mean, and that nothing of them stays."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdexp.sandbox.cpython import CPythonTier, confinement
from mdexp.sandbox.settings import SandboxSettings

pytestmark = pytest.mark.skipif(bool(confinement()), reason=confinement())

SETTINGS = SandboxSettings(
    timeout_s=2.0, memory_mib=128, output_kib=16, workers=1, cpython="confined"
)


@pytest.fixture(scope="module")
def tier() -> Iterator[CPythonTier]:
    with_one_worker = CPythonTier(SETTINGS, workers=1, confined=True)
    yield with_one_worker
    with_one_worker.close()


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ("ans = 1 + 1", 2),
        ("def solution():\n    return 'yes'", "yes"),
        ("print(3)\nprint(4.5)", "4.5"),
        ("from fractions import Fraction\nans = Fraction(3, 4)", 0.75),
        ("from fractions import Fraction\nans = Fraction(6, 2)", 3),
        ("ans = complex(2.5, 0)", 2.5),
        ("import sys\nans = 7\nsys.exit(1)", 7),
        ("ans = 8\nexit()", 8),
        ("import time\ntime.sleep(1000)\nans = 9", 9),
        (
            "import statistics, heapq, string, enum, cmath\nans = statistics.mean([1, 3])",
            2,
        ),
        ("from datetime import datetime\nans = datetime.strptime('2020-02-03', '%Y-%m-%d').day", 3),
        ("ans = 'é' * 3", "ééé"),
    ],
)
def test_answers(tier: CPythonTier, program: str, answer: object) -> None:
    result = tier.run(program, 1.0, kind="slim")
    assert (result.status, result.answer, result.tier) == ("ok", answer, "cpython"), result
    assert type(result.answer) is type(answer)


@pytest.mark.parametrize(
    ("program", "status", "error"),
    [
        ("x = 1\n1 / 0", "runtime_error", "ZeroDivisionError: division by zero (line 2)"),
        ("x = 1\ny = (", "syntax_error", "SyntaxError: '(' was never closed (line 2)"),
        ("if 1:\nx", "syntax_error", "IndentationError: expected an indented block"),
        (
            "def f():\n    return g\n\nf()",
            "runtime_error",
            "NameError: name 'g' is not defined (li",
        ),
        ("raise KeyError('k')", "runtime_error", "KeyError: 'k' (line 1)"),
        (
            "class E(Exception):\n    def __str__(self): 1 / 0\nraise E",
            "runtime_error",
            "E:  (line 3)",
        ),
        ("input()", "runtime_error", "EOFError: EOF when reading a line (line 1)"),
        ("def f(n): return f(n + 1)\nf(0)", "runtime_error", "RecursionError: maximum recursion"),
        ("ans = " + "(" * 5000 + ")" * 5000, "syntax_error", "SyntaxError: too many nested"),
        ("import nosuchmodule", "runtime_error", "ModuleNotFoundError: No module named 'nosuchm"),
        (
            "from math import nothing",
            "runtime_error",
            "ImportError: cannot import name 'nothing' from 'math' (line 1)",
        ),
        ("x = 1\nimport scipy", "unsupported", "ImportError: module 'scipy' is not to be had in"),
        ("import subprocess", "forbidden", "PermissionError: module 'subprocess' is not to be"),
        ("open('/etc/passwd')", "forbidden", "PermissionError: [Errno 1] Operation not permitted"),
        ("import os\nos.fork()", "forbidden", "PermissionError: [Errno 1] Operation not permitted"),
        ("ans = [0] * 10**9", "memory", "MemoryError:  (line 1)"),
        ("while True: print('x' * 100)", "output", "it printed more than the limit"),
        ("while True: pass", "timeout", "TimeoutError: more than 0.2 s"),
        ("try:\n    while True: pass\nexcept BaseException: pass", "timeout", "TimeoutError"),
        ("ans = float('nan')", "no_answer", "the answer is 'nan'"),
        ("ans = [1, 2]", "no_answer", "the answer is of type list"),
        ("x = 1", "no_answer", "nothing bound, returned or printed"),
        ("import os\nos._exit(0)", "runtime_error", "the program ended its process with no answer"),
        ("import os\nos.abort()", "runtime_error", "the program ended its process"),
    ],
)
def test_failures(tier: CPythonTier, program: str, status: str, error: str) -> None:
    result = tier.run(program, 0.2, kind="slim")
    assert (result.status, result.answer) == (status, None), result
    assert result.error.startswith(error), result.error
    assert tier.run("ans = 1 + 1", 1.0, kind="slim").answer == 2


def test_what_was_printed_before_a_failure_is_kept(tier: CPythonTier) -> None:
    assert tier.run("print('so far')\n1 / 0", 1.0, kind="slim").stdout == "so far\n"


def test_output_is_cut_at_its_limit(tier: CPythonTier) -> None:
    assert len(tier.run("print('x' * 10**6)", 1.0, kind="slim").stdout) == 16 * 1024


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ("import numpy as np\nans = np.float64(2.5)", 2.5),
        ("import numpy as np\nans = np.array([[3]])", 3),
        ("import numpy as np\nans = np.int64(3) == 3", True),
        ("import numpy as np\nans = np.linalg.solve([[2.0, 0], [0, 4]], [2, 4])[1]", 1.0),
        ("from sympy import *\nans = Integer(3)", 3),
        ("from sympy import *\nans = Rational(1, 4)", 0.25),
        ("from sympy import *\nans = Float(3.0)", 3),
        ("from sympy import *\nans = sqrt(2)", 2**0.5),
        ("from sympy import *\nans = Eq(1, 1)", True),
        ("from sympy import *\nx = symbols('x')\nans = solve(2 * x - 6)", 3),
        ("from sympy import *\nx = symbols('x')\nans = solve([2 * x - 6], [x])", 3),
        ("from sympy import *\nx = symbols('x')\nans = solve([2 * x - 6], [x], dict=True)", 3),
        ("from sympy import *\nx = symbols('x')\nans = integrate(x, (x, 0, 2))", 2),
        ("from sympy.physics.units import meter\nans = 4 * meter / meter", 4),
    ],
)
def test_numbers_of_numpy_and_sympy_become_plain_ones(
    tier: CPythonTier, program: str, answer: object
) -> None:
    result = tier.run(program, 2.0, kind="full")
    assert (result.status, result.answer) == ("ok", answer), result
    assert type(result.answer) is type(answer)


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("from sympy import *\nx = symbols('x')\nans = solve(x**2 - 3)", "list"),
        ("from sympy import *\nans = symbols('x') + 1", "Add"),
        ("import numpy as np\nans = np.array([1, 2])", "ndarray"),
    ],
)
def test_several_numbers_or_none_are_no_answer(tier: CPythonTier, program: str, kind: str) -> None:
    result = tier.run(program, 2.0, kind="full")
    assert (result.status, result.error) == ("no_answer", f"the answer is of type {kind}")


def test_a_slim_program_that_needs_numpy_gets_it(tier: CPythonTier) -> None:
    program = "try:\n    m = __import__('num' + 'py')\nexcept: m = None\nans = m.mean([1, 2])"
    assert tier.run(program, 2.0, kind="slim").answer == 1.5


def test_equal_programs_give_equal_results(tier: CPythonTier) -> None:
    program = "import random, os\nprint(random.random(), hash('a'), {'b', 'c'}, os.urandom(4))"
    first = tier.run(program, 1.0, kind="slim")
    assert first.status == "ok"
    other = CPythonTier(SETTINGS, workers=1, confined=True)
    try:
        assert other.run(program, 1.0, kind="slim").stdout == first.stdout
    finally:
        other.close()


def test_a_program_sees_neither_our_environment_nor_our_user(
    tier: CPythonTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "visible")
    result = tier.run("import os\nprint(dict(os.environ), os.getuid())", 1.0, kind="slim")
    assert result.stdout.startswith("{} ")
    assert result.stdout.strip() != "{} 0"


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"\x02\x00\x00\x00[]",
        b"\xff\xff\xff\xff{}",
        b'\x28\x00\x00\x00{"token":"x","status":"ran","value":"42"}',
        b"\x00\x10\x00\x00" + b"[" * 4096,
    ],
)
def test_a_forged_answer_harms_no_other_program(tier: CPythonTier, forged: bytes) -> None:
    result = tier.run(f"import os\nos.write(3, {forged!r})\nos._exit(0)", 1.0, kind="slim")
    assert result.status == "runtime_error"
    assert [tier.run(f"ans = {n}", 1.0, kind="slim").answer for n in range(3)] == [0, 1, 2]


def test_the_clock_stands_still(tier: CPythonTier) -> None:
    program = "import time\ntime.sleep(3600)\nans = f'{time.time():.0f} {time.time_ns()}'"
    assert tier.run(program, 1.0, kind="slim").answer == "1704067200 1704067200000000000"


@pytest.mark.skipif(sys.platform != "linux", reason="counts entries of /proc")
def test_no_process_or_descriptor_is_left_over() -> None:
    before = len(os.listdir("/proc/self/fd"))
    own = CPythonTier(SETTINGS, workers=1, confined=True)
    own.run("ans = 1", 1.0, kind="slim")
    lane = own._idle["slim", False][0]
    for program in ("1 / 0", "while True: pass", "import os\nos._exit(1)", "ans = 1") * 3:
        own.run(program, 0.05, kind="slim")
    # A child waits for a program, or is being made, with two pipes.
    assert len(os.listdir(f"/proc/{lane.pid}/fd")) <= 3 + 4
    children = Path(f"/proc/{lane.pid}/task/{lane.pid}/children").read_text(encoding="ascii")
    assert len(children.split()) <= 1
    own.close()
    own.close()
    assert not Path(f"/proc/{lane.pid}").exists()
    assert len(os.listdir("/proc/self/fd")) == before


def test_unprotected_leaves_out_the_filter_only() -> None:
    unprotected = CPythonTier(SETTINGS, workers=1, confined=False)
    try:
        assert unprotected.run("open('/').close", 1.0, kind="slim").error.startswith("IsADirectory")
        assert unprotected.run("while True: pass", 0.1, kind="slim").status == "timeout"
        assert unprotected.run("ans = [0] * 10**9", 1.0, kind="slim").status == "memory"
    finally:
        unprotected.close()
