"""The gate: which programs Monty answers as CPython does, told from their text."""

import pytest

from mdexp.sandbox.router import routed


@pytest.mark.parametrize(
    "program",
    [
        "ans = 1",
        "d = {'a': 1, 'b, c': 2}\nans = d['a']",
        'x = 3\nprint(f"{x} of {x:.2f}")',
        "# a class of 30\nans = 30",
        "d = {k: v for k, v in [(1, 2)]}\nans = d[1]",
        "reset = subset = 3\nans = reset",
        "import numpy as np\nans = 1",
        "ans = {}",
    ],
)
def test_monty_gets_what_it_does_alike(program: str) -> None:
    assert routed(program).for_monty


@pytest.mark.parametrize(
    "program",
    [
        "ans = len(set([1, 2]))",
        "ans = {3, 1}",
        "ans = {x for x in [3, 1]}",
        "ans = {'a:b', 'c'}",
        "ans = {*[3, 1]}",
        "import random\nans = random.random()",
        "from decimal import getcontext\nans = getcontext().prec",
        "try:\n    ans = (3.0).is_integer()\nexcept AttributeError:\n    ans = 0",
        "ans = hasattr(3.0, 'is_integer')",
        "class A:\n    pass\nans = 1",
        "if 1:\n    class A: pass",
        "import math\nans = math.gamma(5.5)",
    ],
)
def test_cpython_gets_what_monty_may_do_differently(program: str) -> None:
    assert not routed(program).for_monty


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("ans = 1", "slim"),
        ("from sympy import symbols\nx = symbols('x')", "full"),
        ("import numpy as np\nans = np.pi", "full"),
        ("import numpy as np\nans = 1", "slim"),
        ("import math\nans = math.pi", "slim"),
    ],
)
def test_only_what_mentions_them_gets_numpy_and_sympy(program: str, kind: str) -> None:
    assert routed(program).kind == kind


@pytest.mark.parametrize("unit", ["'", '"', "{", "{ ", "{a for ", "{*", " class ", "'{", "set "])
@pytest.mark.timeout(30)  # milliseconds, unless it is quadratic
def test_64_kb_are_read_in_one_go(unit: str) -> None:
    routed("set" + unit * (65536 // len(unit)))


def test_what_returns_outside_a_function_is_no_program() -> None:
    assert not routed("ans = 1\nreturn ans").for_monty
    assert routed("def solution():\n    return 1").for_monty
