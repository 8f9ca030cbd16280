"""Programs in Monty: what their answer is, and what their failure is called."""

from collections.abc import Callable

import pytest

from mdexp.ports import ProgramResult
from mdexp.sandbox.executor import MAX_PROGRAM_BYTES

Run = Callable[[str], ProgramResult]


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ("ans = 3", 3),
        ("ans = 3\ndef solution(): return 4\nanswer = 5\nprint(6)", 3),
        ("def solution(): return 4\nanswer = 5\nprint(6)", 4),
        ("def solver(): return 4\nanswer = 5", 4),
        ("def solve(): return 4\nresult = 5", 4),
        ("def solve(): return 2\ndef solution(): return 1", 1),
        ("def solution(x): return x\nanswer = 5", 5),
        ("solution = 9\nanswer = 5", 5),
        ("answer = 5\nresult = 7\nprint(6)", 5),
        ("result = 7\nprint(6)", 7),
        ("def answer(): return 1\nresult = 7", 7),
        ("print('first')\nprint('last', 6)\nprint()", "last 6"),
        ("def solution():\n    print('It is 12')\nans = solution()", "It is 12"),
        ("def solution():\n    print(8)", "8"),
        ("ans = 0", 0),
        ("ans = 2.5", 2.5),
        ("ans = 2 > 1", True),
        ("ans = 'yes'", "yes"),
        ("from decimal import Decimal\nans = Decimal('1.25')", 1.25),
        ("if __name__ == '__main__':\n    ans = 1", 1),
    ],
)
def test_the_answer_is_taken_by_precedence(
    run: Run, program: str, answer: int | float | str | bool
) -> None:
    result = run(program)
    assert (result.status, result.error, result.tier) == ("ok", "", "monty")
    assert (result.answer, type(result.answer)) == (answer, type(answer))


@pytest.mark.parametrize(
    "program",
    [
        "",
        "x = 5",
        "ans = None",
        "ans = float('nan')",
        "ans = float('inf')",
        "print(float('nan'))",
        "ans = '-inf'",
        "ans = '  '",
        "ans = [1]",
        "ans = 1, 2",
        "ans = {'a': 1}",
        "ans = 2j",
        "ans = lambda: 1",
        "ans = 'x' * 1001",
        "ans = 10 ** 1000",
        "l = [0] * 1000\nfor _ in range(9): l = [l] * 1000\nans = l",
    ],
)
def test_what_is_no_plain_value_is_no_answer(run: Run, program: str) -> None:
    result = run(program)
    assert (result.status, result.answer) == ("no_answer", None)
    assert result.error


def test_what_was_printed_before_a_failure_is_kept(run: Run) -> None:
    result = run("print('so far')\n1 / 0")
    assert (result.status, result.answer, result.stdout) == ("runtime_error", None, "so far\n")


@pytest.mark.parametrize(
    ("program", "status", "error"),
    [
        ("x = (1", "syntax_error", "SyntaxError: unexpected EOF while parsing (line 1)"),
        ("x = 1\n  y = 2", "syntax_error", "SyntaxError: Unexpected indentation (line 2)"),
        ("x\0", "syntax_error", "SyntaxError: source code cannot contain null bytes"),
        ("x\ud800", "syntax_error", "SyntaxError: source code cannot contain surrogates"),
        ("a = 0\nb = 1 / a", "runtime_error", "ZeroDivisionError: division by zero (line 2)"),
        (
            "def f(x):\n    return g(x)\nans = f(1)",
            "runtime_error",
            "NameError: name 'g' is not defined (line 2)",
        ),
        ("ans = credits", "runtime_error", "NameError: name 'credits' is not defined (line 1)"),
        ("exec('1 +')", "runtime_error", "SyntaxError: Expected an expression (line 1)"),
        ("import numpy as np\nans = np.array(1)", "unsupported", "No module named 'numpy'"),
        ("import nosuchmodule\nans = 1", "unsupported", "No module named 'nosuchmodule'"),
        ("from sympy import *\nans = 1", "unsupported", "NotImplementedError: Wildcard imports"),
        ("def f():\n    yield 1\nans = f()", "unsupported", "NotImplementedError"),
        ("class E(Exception): pass\nans = 1", "unsupported", "NotImplementedError"),
        ("ans = (3.0).is_integer()", "unsupported", "AttributeError"),
        ("d = {1: 2}\nans = max(d, key=d.get)", "unsupported", "AttributeError"),
        ("ans = input()", "unsupported", "NameError: name 'input' is not defined"),
        ("raise ValueError(3)", "unsupported", "Internal error in monty"),
        ("#" * (MAX_PROGRAM_BYTES + 1), "unsupported", "at most 65536 are run"),
    ],
)
def test_a_failure_is_named_with_its_line(run: Run, program: str, status: str, error: str) -> None:
    result = run(program)
    assert (result.status, result.answer) == (status, None)
    assert error in result.error


@pytest.mark.parametrize(
    "program",
    [
        "import numpy as np\nimport math, sympy\nans = 1",
        "from fractions import Fraction\nfrom scipy import stats as s, linalg\nans = 1",
        "def solution():\n    import statistics  # not needed\n    return 1",
    ],
)
def test_unused_imports_do_no_harm(run: Run, program: str) -> None:
    assert run(program).answer == 1


def test_used_imports_stay_where_others_go(run: Run) -> None:
    result = run("import numpy as np, math\nfrom math import floor, ceil\nans = math.pi + x")
    assert result.error == "NameError: name 'x' is not defined (line 3)"


def test_random_programs_repeat(run: Run) -> None:
    first, second = (run(f"import random  # {n}\nans = random.random()") for n in "ab")
    assert first.answer == second.answer is not None
