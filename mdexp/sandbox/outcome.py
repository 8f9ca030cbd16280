"""Makes the result of a finished program from its answer and output, in the same way for every
tier."""

import math
import re

from mdexp.answers import NUMBER, canonical
from mdexp.records import Answer, ProgramResult

MAX_TEXT_ANSWER = 1000  # characters
MAX_ERROR = 300  # characters

_NUMBER = re.compile(rf"(?<![\w.])(?:{NUMBER})(?![\w:/]|\.\d)")
_DIGIT = re.compile(r"\d")
_SENTENCE = re.compile(r"(?=.*[^\W\d_])[^\[({<]*$")  # has a letter, and is no list or object


def outcome(
    found: str, value: object, stdout: str, *, seconds: float = 0.0, tier: str = ""
) -> ProgramResult:
    """The result of a program that ran to its end; `found` and `value` as `portable` gives them."""
    answer, error = _answer(found, value, stdout)
    return ProgramResult(
        status="no_answer" if answer is None else "ok",
        answer=answer,
        error=error,
        stdout=stdout,
        seconds=seconds,
        tier=tier,
    )


def _answer(found: str, value: object, stdout: str) -> tuple[Answer | None, str]:
    """The answer, or None and the reason."""
    if found == "other":
        return None, f"the answer is of type {value}"
    if found == "nothing":
        value = _number_of(last_line(stdout))
    if value is None:
        return None, "nothing bound, returned or printed"
    if isinstance(value, bool | int):
        return value, ""
    if isinstance(value, float) and math.isfinite(value):
        return value, ""
    if isinstance(value, str) and _states_something(value):
        return value, ""
    return None, f"the answer is {str(value)[:40]!r}"


def last_line(stdout: str) -> str | None:
    """The last printed line that is not blank."""
    lines = stdout.rstrip().splitlines()
    return lines[-1].strip() if lines else None


def _number_of(line: str | None) -> str | None:
    """The number of a printed sentence that has exactly one; other lines as they are."""
    if line is None or len(line) > MAX_TEXT_ANSWER or canonical(line) is not None:
        return line
    numbers = _NUMBER.findall(line)
    if len(numbers) != 1 or not _SENTENCE.match(line):
        return line
    rest = line.replace(numbers[0], "", 1)
    return line if _DIGIT.search(rest) else numbers[0]


def _states_something(text: str) -> bool:
    """Whether a text may be an answer: not blank, not endless, and no NaN or infinity as text."""
    if not text.strip() or len(text) > MAX_TEXT_ANSWER:
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return True
