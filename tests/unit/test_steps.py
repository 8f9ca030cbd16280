"""What a step is, and what is said of each; programs run in the real sandbox."""

import pytest

from mdexp.sandbox.executor import Sandbox
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.eot import EquationOfThought
from mdexp.thoughts.pot import ProgramOfThought
from mdexp.thoughts.steps import OneStep, check, numbers

WORDS = {"instruction": "", "cue": ""}
COT, POT, EOT = ChainOfThought(**WORDS), ProgramOfThought(**WORDS), EquationOfThought(**WORDS)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(timeout_s=2, memory_mib=64, output_kib=64, workers=1) as executor:
        if executor.lacks:
            pytest.skip(executor.lacks)  # without CPython what raises is unsupported
        yield executor


@pytest.mark.parametrize(
    ("thought", "text", "step"),
    [
        (POT, "a = 1.5\nb = 2", "a = 1.5\n"),
        (POT, "a = 1. # x. Then", None),
        (POT, "\n\na = 1\n", "\n\na = 1\n"),
        (EOT, "x + 1 = 3\nans", "x + 1 = 3\n"),
        (COT, "He has 3.5 kg. Then", "He has 3.5 kg."),
        (COT, "He has 3.5 kg.", None),
        (COT, "So\nit is", "So\n"),
        (COT, " \n", None),
    ],
)
def test_a_step_is_a_line_of_what_is_worked_out_and_a_sentence_of_prose(thought, text, step):
    assert OneStep(thought).complete(text) == step


@pytest.mark.parametrize(
    ("text", "status", "value"),
    [
        ("a = 6\nb = a * 7\n", "ran", "42"),
        ("a = 6\na += 1\n", "ran", "7"),
        ("a = 6\nprint(a)\n", "ran", "6"),
        ("a = 'six'\n", "ran", None),
        ("a = 6\nb = a / 0\n", "failed", None),
        ("b = c + 1\n", "failed", None),
        ("a = = 6\n", "failed", None),
        ("def solution():\n", "open", None),
        ("for i in range(3):\n", "open", None),
        ("a = (1 +\n", "open", None),
        ("```python\na = 2\n", "ran", "2"),
    ],
)
def test_a_program_is_run_up_to_its_last_line(sandbox, text, status, value):
    [checked] = check([(POT, text)], sandbox)
    assert (checked.status, checked.value) == (status, value)
    assert bool(checked.error) == (status in ("failed", "open"))


@pytest.mark.parametrize(
    ("text", "status", "value"),
    [
        ("She has 4 boxes. That is 4 * 6 = 24 pens.", "ran", "24"),
        ("It costs $10 - $4 = $6.", "ran", "6"),
        ("10 / 3 = 3.33 each.", "ran", "3.33"),
        ("That is 4 * 6 = 25 pens.", "wrong", None),
        ("4 * 6 = 25. So she has many.", "open", None),
        ("She has many pens.", "open", None),
    ],
)
def test_of_prose_the_sums_of_the_last_sentence_are_worked_out(sandbox, text, status, value):
    [checked] = check([(COT, text)], sandbox)
    assert (checked.status, checked.value) == (status, value)


def test_equations_are_not_judged_before_they_are_whole(sandbox):
    assert check([(EOT, "x + y = 3\n")], sandbox)[0].status == "open"


def test_numbers_are_compared_by_value():
    assert numbers("He paid $1,200.00 for 3 of 3 boxes") == {"1200", "3"}
