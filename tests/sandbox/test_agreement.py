"""All tiers give a program the same result: answer and its type, status, error, stdout.

    MDEXP_DATA=... python -m tests.sandbox.test_agreement

compares the tiers on every program of the teachers, where the test takes some of them.
"""

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.numeric_programs import NUMPY, SOLVING, SYMPY
from bench.programs import PLAIN, STANDARD_LIBRARY
from bench.programs import programs as of_templates
from mdexp.records import Expected, ProgramResult
from mdexp.sandbox.cpython import CPythonTier, confinement
from mdexp.sandbox.executor import Sandbox
from mdexp.sandbox.settings import SandboxSettings
from mdexp.thoughts.pot import ProgramOfThought
from tests.sandbox.plain_cpython import PlainCPython
from tests.sandbox.written_programs import programs

DATA = os.environ.get("MDEXP_DATA")
SAMPLE = 400
SETTINGS = SandboxSettings(
    timeout_s=2, memory_mib=256, output_kib=16, workers=2, cpython="confined"
)
pytestmark = pytest.mark.skipif(bool(confinement()), reason="CPython cannot be confined here")

# What has been, or may well be, different from tier to tier.
BY_HAND = [
    "ans = 7 / 2",
    "ans = 8 / 2",
    "ans = 7 // 2, 3",
    "ans = True",
    "ans = 10 ** 20",
    "ans = 0.1 + 0.2",
    "ans = -0.0",
    "ans = 1e16\nprint(1e16, 123456789012345680.0, 1.7976931348623157e308)",
    "ans = round(2.675, 2), round(0.5), round(-1.5), round(1234.5, -2)",
    "ans = round(2.675, 2)",
    "print(round(2.5), round(1.005, 2), round(25, -1))",
    "ans = -7 // 2 + -7 % 3",
    "ans = 'twelve'",
    "ans = ''",
    "ans = None",
    "ans = [3]",
    "ans = [3, 4]",
    "ans = float('nan')",
    "ans = float('inf')",
    "ans = lambda: 3",
    "x = 3",
    "print('x = ', 3)\nprint()",
    "print('5.0')",
    "print(1, end='')\nprint('a', 'b', sep='-')",
    "print(0.1 + 0.2, 1e-7, 1e22, 100.0, -0.0)",
    "print([1.5, 'a', None, True], (1,), {'k': 2})",
    "answer = 3\nresult = 4",
    "result = 4",
    "def solution():\n    return 12\nanswer = 3",
    "def solver(n):\n    return n\nresult = 3",
    "ans = 1\nraise ValueError('no')",
    "1 / 0",
    "def f(x):\n    return x / 0\n\nans = f(3)",
    "def solution():\n    return missing\n",
    "ans = missing",
    "ans = 'a' + 1",
    "ans = 1 + 'a'",
    "ans = {}['key']",
    "ans = [1, 2][5]",
    "ans = int('x')",
    "ans = 'abc'.nothing",
    "ans = f(1",
    "ans = 1 +",
    "if True:\nans = 1",
    "    ans = 1\n  ans = 2",
    "for i in range(3):\n    pass\n  ans = i",
    "ans = 2(3)",
    "return 3",
    "assert 1 == 2, 'not so'",
    "ans = max([])",
    "ans = (-8) ** 0.5",
    "ans = (-8) ** (1 / 3)",
    "ans = 2.0 ** 5000",
    "ans = int(1e400)",
    "ans = sum(0.1 for _ in range(10))",
    "ans = sum([0.1] * 10)",
    "import math\nans = math.sqrt(-1)",
    "import math\nans = math.floor(-2.5) + math.comb(5, 2) + math.pi",
    "import nonsense",
    "from math import nonsense",
    "import datetime\nans = (datetime.date(2024, 3, 1) - datetime.date(2024, 2, 1)).days",
    "from decimal import Decimal\nans = Decimal('2.50') * 2",
    "from fractions import Fraction\nans = Fraction(1, 3) + Fraction(2, 3)",
    "import random\nans = random.randint(1, 10**6)",
    "import re\nans = re.sub(r'\\d+', 'n', 'a1b22')",
    "ans = next(i for i in range(10) if i > 4)",
    "ans = sorted({3, 1, 2})[0]",
    "d = {'a': 1, 'b': 5}\nans = max(d, key=d.get)",
    "class A:\n    def __init__(self):\n        self.x = 3\n\nans = A().x",
    "raise SystemExit",
    "ans = 3\nexit()",
    "def deep(n):\n    return deep(n + 1)\nans = deep(0)",
    "print('é ü 日本')",
    "ans = f'{1234567.891:,.2f} {5:>4} {0.256:.1%} {3!r}'",
    "ans = '%d %.2f' % (3.7, 2.675)",
    "x: int = 3\nans = x",
    "ans = 3 if 2 > 1 > 0 else 4",
    "a, *b = [1, 2, 3]\nans = len(b)",
    "ans = eval('1 + 2')",
    "while True:\n    x = 1\n    if x: break\nelse:\n    x = 2\nans = x",
]


@pytest.fixture(scope="module")
def tiers() -> Iterator[tuple[Sandbox, CPythonTier]]:
    cpython = CPythonTier(SETTINGS, workers=2, confined=True)
    with Sandbox(**SETTINGS.model_dump()) as sandbox:
        yield sandbox, cpython
    cpython.close()


@pytest.fixture(scope="module")
def plain() -> Iterator[PlainCPython]:
    with PlainCPython() as plain:
        yield plain


def seen(result: ProgramResult) -> tuple[object, ...]:
    """What must agree. 3 is not 3.0; the words in which an answer is no answer are ours."""
    error = "" if result.status == "no_answer" else result.error
    return result.status, type(result.answer).__name__, repr(result.answer), error, result.stdout


def plainly(plain: PlainCPython, program: str) -> tuple[object, ...]:
    return seen(ProgramResult(**plain.run(program)))


def in_cpython(cpython: CPythonTier, chosen: Sequence[str]) -> list[ProgramResult]:
    def run(program: str) -> ProgramResult:
        kind = "full" if "sympy" in program or "numpy" in program else "slim"
        return cpython.run(program, SETTINGS.timeout_s, kind=kind)

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(run, chosen))


@pytest.mark.parametrize("program", BY_HAND)
def test_programs_by_hand(
    program: str, tiers: tuple[Sandbox, CPythonTier], plain: PlainCPython
) -> None:
    sandbox, cpython = tiers
    [whole], [alone] = sandbox.run([program]), in_cpython(cpython, [program])
    assert seen(whole) == seen(alone)
    if program not in OUR_OWN_MEANING:
        assert seen(whole) == plainly(plain, program)


# Where the tiers mean more than plain CPython does: numbers made plain or taken out of a printed
# sentence, exits that end well.
OUR_OWN_MEANING = {
    "print('x = ', 3)\nprint()",
    "ans = [3]",
    "from decimal import Decimal\nans = Decimal('2.50') * 2",
    "from fractions import Fraction\nans = Fraction(1, 3) + Fraction(2, 3)",
    "raise SystemExit",
    "ans = 3\nexit()",
    "def solver(n):\n    return n\nresult = 3",
}


@settings(max_examples=150)
@given(chosen=st.lists(programs(), min_size=1, max_size=5))
def test_written_programs(
    chosen: list[str], tiers: tuple[Sandbox, CPythonTier], plain: PlainCPython
) -> None:
    sandbox, cpython = tiers
    for program, result in zip(chosen, sandbox.run(chosen), strict=True):
        expected = plainly(plain, program)
        assert seen(result) == expected
        if result.tier == "monty":
            assert seen(in_cpython(cpython, [program])[0]) == expected


@pytest.mark.parametrize("templates", [PLAIN, STANDARD_LIBRARY, NUMPY, SOLVING, SYMPY])
def test_programs_of_templates(templates: str, tiers: tuple[Sandbox, CPythonTier]) -> None:
    sandbox, cpython = tiers
    chosen = of_templates(templates, 2 * (templates.count("---") + 1))
    assert not differences(sandbox, cpython, chosen)
    assert {result.status for result in sandbox.run(chosen)} == {"ok"}


def test_both_tiers_take_part(tiers: tuple[Sandbox, CPythonTier]) -> None:
    sandbox, _ = tiers
    by_tier = {result.tier for result in sandbox.run(of_templates(PLAIN, 32) + BY_HAND)}
    assert by_tier == {"monty", "cpython"}


@pytest.mark.skipif(not DATA, reason="MDEXP_DATA names no folder with teacher programs")
def test_programs_of_teachers(tiers: tuple[Sandbox, CPythonTier]) -> None:
    chosen = teachers_programs()
    assert not differences(*tiers, chosen[:: len(chosen) // SAMPLE])


def teachers_programs() -> list[str]:
    thought = ProgramOfThought(instruction="", cue="")
    files = sorted(Path(str(DATA)).glob("teacher/*-pot.jsonl"))
    lines = itertools.chain(*(file.open(encoding="utf-8") for file in files))
    read = (thought.read(json.loads(line)["completion"], Expected()).program for line in lines)
    return list(dict.fromkeys(filter(None, read)))


def differences(
    sandbox: Sandbox, cpython: CPythonTier, chosen: Sequence[str]
) -> list[tuple[str, ProgramResult, ProgramResult]]:
    pairs = zip(chosen, sandbox.run(chosen), in_cpython(cpython, chosen), strict=True)
    return [(text, whole, alone) for text, whole, alone in pairs if seen(whole) != seen(alone)]


def main() -> None:
    chosen, cpython = teachers_programs(), CPythonTier(SETTINGS, workers=2, confined=True)
    with Sandbox(**SETTINGS.model_dump()) as sandbox:
        found = differences(sandbox, cpython, chosen)
    cpython.close()
    for program, whole, alone in found:
        print(f"{program}\n  {seen(whole)}\n  {seen(alone)}\n")
    print(f"{len(found)} of {len(chosen)} programs differ")


if __name__ == "__main__":
    main()
