"""Batches in Monty: what a program answers, and that it has no part in what its neighbours do."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.records import ProgramResult
from mdexp.sandbox.batch import run_batch
from mdexp.sandbox.monty import MontyTier
from mdexp.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(cpython="off", timeout_s=0.1, memory_mib=32, output_kib=2, workers=1)


@pytest.fixture(scope="module")
def monty() -> Iterator[MontyTier]:
    tier = MontyTier(SETTINGS, 1, seconds=0.4, confined=False)
    yield tier
    tier.close()


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
        ("print('first')\nprint('last', 6)\nprint()", "6"),
        ("def solution():\n    print('It is 12')\nans = solution()", "12"),
        ("def solution():\n    print(8)", "8"),
        ("ans = 0", 0),
        ("ans = 2.5", 2.5),
        ("ans = 2 > 1", True),
        ("ans = 'yes'", "yes"),
        ("ans = 3 + 0j", 3.0),
        ("from decimal import Decimal\nans = Decimal('1.25')", 1.25),
        ("from decimal import Decimal\nans = Decimal('2.50') * 2", 5),
        ("if __name__ == '__main__':\n    ans = 1", 1),
        ("ans = 123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_the_answer_is_taken_by_precedence(
    monty: MontyTier, program: str, answer: int | float | str | bool
) -> None:
    (result,) = monty.run([program])
    assert (result.status, result.error, result.tier) == ("ok", "", "monty")
    assert (result.answer, type(result.answer)) == (answer, type(answer))


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("ans = [1, 2]", "the answer is of type list"),
        ("ans = [7]", "the answer is of type list"),
        ("ans = {'a': 1}", "the answer is of type dict"),
    ],
)
def test_a_program_without_an_answer_has_none_in_cpython_either(
    monty: MontyTier, program: str, error: str
) -> None:
    (result,) = monty.run([program])
    assert (result.status, result.answer) == ("no_answer", None)
    assert error in result.error


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("", "nothing bound, returned or printed"),
        ("ans = None", "nothing bound"),
        ("ans = float('nan')", "the answer is 'nan'"),
        ("ans = float('inf')", "the answer is 'inf'"),
        ("ans = '-inf'", "the answer is '-inf'"),
        ("print(float('nan'))", "the answer is 'nan'"),
        ("ans = '  '", "the answer is '  '"),
        ("ans = 2j", "the answer is of type complex"),
        ("ans = lambda: 1", "the answer is of type function"),
        ("ans = 'x' * 1001", "the answer is of type str beyond its size limit"),
        ("ans = 10 ** 1000", "the answer is of type int beyond its size limit"),
        ("ans = f(1", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError(3)", "RuntimeError: Internal error in monty"),
        ("import numpy", "ModuleNotFoundError: No module named 'numpy'"),
        ("def f(): yield 1\nans = f()", "NotImplementedError: "),
        ("x = []\nwhile True: x.append('a' * 10 ** 6)", "MemoryError: memory limit exceeded"),
        ("print('a' * 3000)", "it printed more than the limit"),
        ("for i in range(99): print('a' * 99)", "it printed more than the limit"),
        ("ans = '\\ud800'", "Monty writes such numbers or texts differently"),
        ("print(2.0 ** 80)", "Monty writes such numbers or texts differently"),
        ("ans = str(1234567890123456.7)", "Monty writes such numbers or texts differently"),
    ],
)
def test_whatever_else_is_left_to_cpython(monty: MontyTier, program: str, error: str) -> None:
    before, result, after = monty.run(["ans = 1", program, "ans = 2"])
    assert (before.answer, after.answer) == (1, 2)
    assert (result.status, result.answer) == ("unsupported", None)
    assert error in result.error


def test_what_runs_out_of_time_is_named_and_the_others_are_answered(monty: MontyTier) -> None:
    forever = "try:\n    while True: pass\nexcept BaseException:\n    ans = 'caught'"
    results = monty.run(["ans = 1", forever, "print('two')", forever, "ans = 3"])
    assert [result.status for result in results] == ["ok", "timeout", "ok", "timeout", "ok"]
    assert [result.answer for result in results] == [1, None, "two", None, 3]


def test_the_time_that_others_took_is_no_fault_of_a_program(monty: MontyTier) -> None:
    """Together they take more than one may: each has the whole time for itself."""
    results = monty.run([f"ans = sum(range({10**5 + n}))" for n in range(400)])
    assert sum(result.seconds for result in results) > 0.4
    assert {result.status for result in results} == {"ok"}


def test_what_kills_its_worker_harms_nobody_else(monty: MontyTier) -> None:
    blind = "import math\nans = math.isqrt(7 ** 4000000)"  # does not look at the clock
    results = monty.run(["ans = 1", blind, "print('two')"])
    assert [(r.status, r.answer) for r in results] == [("ok", 1), ("timeout", None), ("ok", "two")]
    assert results[1].error.startswith("the program ended its worker: ")


def test_what_is_printed_belongs_to_the_program_that_prints_it(monty: MontyTier) -> None:
    results = monty.run(["print('a')\nans = 1", "ans = 2", "print('b', end='')", "print('é\\n')"])
    assert [result.stdout for result in results] == ["a\n", "", "b", "é\n\n"]
    assert [result.answer for result in results] == [1, 2, "b", "é"]


def test_the_mark_of_a_batch_cannot_be_known() -> None:
    marks: list[str] = []

    class Noting:
        def feed_run(self, feed: str, inputs: dict[str, Any], print_callback: object) -> list[Any]:
            marks.append(inputs["mark"])
            return []

    for _ in range(2):
        assert run_batch(Noting(), [], max_bytes=9) == []  # type: ignore[arg-type]
    assert len(set(marks)) == 2
    assert all(len(bytes.fromhex(mark)) >= 16 for mark in marks)


# What a program could do to the driver, or to the programs after it.
MEDDLING = [
    "ans = found",
    "ans = mark",
    "ans = programs",
    "def f():\n    global found\n    return found\nans = f()",
    "found = []\nmark = ''\nprograms = []\nindex = 9\nmax_text = 0",
    "def print(*a, **k): return 1\ndef exec(*a): return 1\ndef type(x): return int\nans = 5",
    "abs = format = len = str = float = int = None",
    "round.x = 1",
    "setattr(round, '__defaults__', (1,))",
    "round.__globals__['found'] = []",
    "ans = round.__closure__",
    "import math\nmath.floor = abs",
    "import math\ndel math.floor",
    "names = locals()\nnames['names'] = names",
    "exec('found = 1; mark = 2')",
    "ans = (lambda: 0).__globals__",
    "try:\n    1 / 0\nexcept Exception as e:\n    ans = e.__traceback__.tb_frame.f_back",
    "__name__ = 'other'\n__builtins__ = {}",
    "print(0, 'ans = 1', chr(10))\nprint('\\n0\\n1\\n2\\n3')",
    "def f(n): return f(n + 1)\nf(0)",
    "def f(n):\n    try: f(n + 1)\n    except RecursionError: f(n + 1)\nf(0)",
    "x = []\nx.append(x)\ny = ['a' * 10 ** 6, x]\nx.append(y)",
    "raise KeyboardInterrupt",
    "raise SystemExit",
    "raise MemoryError('memory limit exceeded')",
    "raise TimeoutError('feed time limit exceeded')",
    "while True: print('x')",
    "class A:\n    def __str__(self): raise KeyboardInterrupt\nans = A()",
    "class Decimal:\n    def __float__(self): return found\nans = Decimal()",
    "ans = [float('nan')]",
    "ans = [[[]]] * 10 ** 6",
]
PROBE = """
import math
before = [k for k in ('found', 'mark', 'programs', 'index', 'names') if k in locals()]
print(round(2.675, 2), len('abc'), math.floor(2.5), before, __name__)
"""


@pytest.mark.parametrize("evil", MEDDLING)
def test_neighbours_are_as_if_alone(monty: MontyTier, evil: str) -> None:
    (alone,) = monty.run([PROBE])
    assert alone.stdout == "2.67 3 2 [] __main__\n"
    results = monty.run([PROBE, evil, PROBE, "ans = 4", evil, PROBE])
    assert [results[n].stdout for n in (0, 2, 5)] == [alone.stdout] * 3
    assert [results[n].status for n in (0, 2, 5)] == ["ok"] * 3
    assert (results[3].answer, results[3].stdout) == (4, "")


def said(results: Sequence[ProgramResult]) -> list[tuple[object, ...]]:
    return [(r.status == "ok", repr(r.answer), r.stdout) for r in results]


GOOD = ["ans = 1", "print('x' * 30)", "ans = round(0.285, 2)", "print(1)\nprint(2)", "ans = 'a'"]


@settings(max_examples=30, deadline=None)
@given(chosen=st.lists(st.sampled_from(GOOD + MEDDLING), max_size=9))
def test_a_batch_gives_what_its_programs_give_alone(monty: MontyTier, chosen: list[str]) -> None:
    alone = [result for program in chosen for result in monty.run([program])]
    assert said(monty.run(chosen) if chosen else []) == said(alone)
