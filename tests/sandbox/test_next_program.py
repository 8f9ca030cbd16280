"""The next program finds all as it was, whatever the one before has changed or how it ended."""

from collections.abc import Iterator

import pytest

from mdexp.sandbox.cpython import CPythonTier, confinement
from mdexp.sandbox.settings import SandboxSettings

pytestmark = pytest.mark.skipif(bool(confinement()), reason=confinement())

SETTINGS = SandboxSettings(
    timeout_s=5.0, memory_mib=256, output_kib=16, workers=1, cpython="confined"
)
# Answers of functions that keep something.
PROBE = """
from sympy import *
import decimal, fractions, math, numpy as np, statistics, re
x, y = symbols('x y')
found = [
    solve(3 * x - 12, x), factorint(360), divisors(12), expand((x + 1) * (x + 1.0)), x + 1, 1.0 * x,
    primefactors(30), roots(x**2 - 3 * x + 2), (x * y).free_symbols, Matrix([[1, 2], [3, 4]]).det(),
    real_roots(x**2 - 2), Rational(1, 3) + 1, sqrt(8), simplify(x + x), Symbol('x').is_positive,
    Symbol('n').is_integer, N(pi, 20), Poly(x**2 + 1, x).coeffs(), reduced(x**2, [x]),
    np.array([1, 2]).mean(), np.round(np.pi, 3), np.linalg.det(np.array([[1, 2], [3, 4]])),
    np.float64(1) / 3, decimal.Decimal(1) / 3, fractions.Fraction(1, 3), math.pi,
    statistics.mean([1, 2]), re.findall('a|b', 'abc'), round(2.675, 2), sum([1, 2]), len('abc'),
    nextprime(100), fibonacci(30), isprime(97), Eq(x, 1), Eq(1.0 * x, 1), max(1, 2), abs(-3),
]
print(len(found), *[str(one) for one in found], sep='; ')
"""
POISONS = {
    "one that is inexact": "from sympy import *\nx = Symbol('x')\n"
    "ans = str([x + 1.0, 1.0 * x, solve(3.0 * x - 12.0, x), Eq(x, 1.0), expand((x + 1.0)**2)])",
    "results changed": "from sympy import *\nx = Symbol('x')\n"
    "for made in (solve(3 * x - 12, x), divisors(12), primefactors(30), real_roots(x**2 - 2),\n"
    "             Poly(x**2 + 1, x).coeffs()):\n    made.append(13)\n    made[0] = 13\n"
    "for made in (factorint(360), roots(x**2 - 3 * x + 2)):\n    made.update({2: 13})\n"
    "(x + Symbol('y')).free_symbols.clear()\nreduced(x**2, [x])[0].append(13)\nans = 1",
    "a matrix changed": "from sympy import *\nm = Matrix([[1, 2], [3, 4]])\nm[0, 0] = 13\nm.det()\n"
    "ans = m.inv()[0]",
    "names of other kinds": "from sympy import *\n"
    "x = Symbol('x', positive=True, integer=True)\nn = symbols('n', integer=True)\n"
    "ans = str(solve(x**2 - 4, x) + solve(n - 1, n))",
    "names of functions": "from sympy import *\nsolve = sqrt = N = pi = Symbol = Rational = 13\n"
    "sum = len = abs = max = round = print\nans = 1",
    "digits": "from sympy import *\nans = str(N(pi, 500).evalf(300)) + str(Float('0.1', 2))",
    "decimals": "from decimal import Decimal, ROUND_UP\n"
    "ans = str(Decimal('1.005').quantize(Decimal('0.01'), rounding=ROUND_UP) / 3)",
    "arrays": "import numpy as np\na = np.zeros(9)\na[:] = 13\nb = a.reshape(3, 3).T\nb[0] = 7\n"
    "b.sort()\nans = float(np.sum(a))\nnp.array([1.0]) / 0",
    "numbers of numpy": "import numpy as np\nnp, a = 13, np.float64(7)\na += 1\nans = float(a)",
    "a default argument": "def f(x=[]):\n    x.append(1)\n    return len(x)\nf()\nf()\nans = f()",
    "a generator kept": "g = (n for n in range(9))\nkept = [g]\nkept.append(kept)\nans = next(g)",
    "keys of every kind": "import re\nans = str([re.findall('a|b', 'x'), {1: 2, 1.0: 3, True: 4}])",
    "texts that look like code": "from sympy import *\n"
    "ans = str([Symbol('__class__'), Symbol('1 + 1'), S('2 * sqrt(4)'), nsimplify('0.5')])",
    "caches filled": "from sympy import *\nx = symbols('x')\n"
    "ans = len([str(expand((x + n) * (x - n))) for n in range(400)])",
    "primes": "from sympy import *\nans = prime(3000) + nextprime(10**6)",
    "what is printed later": "print('13', end='')\nans = 1",
    "a loop over modules": "import math\nfor math in [13]: pass\n[0 for sum in [13]]\nans = math",
}


@pytest.fixture(scope="module")
def tier() -> Iterator[CPythonTier]:
    one_worker = CPythonTier(SETTINGS, workers=1, confined=True)
    yield one_worker
    one_worker.close()


@pytest.fixture(scope="module")
def expected() -> str:
    """The probe's words in a process of its own."""
    fresh = CPythonTier(SETTINGS, workers=1, confined=True)
    told = fresh.run(f"try:\n    0\nexcept: 0\n{PROBE}", 5.0, kind="full")
    fresh.close()
    assert told.status == "ok", told.error
    return told.stdout


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
def test_nothing_of_a_change_is_left(tier: CPythonTier, expected: str, poison: str) -> None:
    assert tier.run(poison, 5.0, kind="full").status == "ok"
    assert tier.run(PROBE, 5.0, kind="full").stdout == expected


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("1 / 0", "runtime_error"),
        ("while True: pass", "timeout"),
        ("ans = [0] * 10**10", "memory"),
        ("print('x' * 10**6)", "output"),
        ("import sympy, builtins\nsympy.solve = None\nbuiltins.sum = None\nans = 1", "ok"),
        ("print = 3\nabs = 4\nsum = None\nans = 1", "ok"),
    ],
)
def test_nothing_of_an_end_is_left(tier: CPythonTier, program: str, status: str) -> None:
    assert tier.run(program, 0.5, kind="full").status == status
    after = tier.run("x = 'none'\nprint(sum([abs(-6), 1]))", 5.0, kind="full")
    assert (after.status, after.answer, after.stdout) == ("ok", "7", "7\n")
    assert (
        tier.run("ans = x", 5.0, kind="full").error == "NameError: name 'x' is not defined (line 1)"
    )
