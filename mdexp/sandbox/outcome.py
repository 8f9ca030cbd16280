"""From what a finished program left behind to its result: the same in every tier."""

import math

from mdexp.ports import ProgramResult

MAX_TEXT_ANSWER = 1000  # characters
MAX_ERROR = 300  # characters


def outcome(found: str, value: object, stdout: str) -> ProgramResult:
    """The result of a program that ran to its end; `found` and `value` as `portable` gives them."""
    if found == "other":
        return ProgramResult(status="no_answer", error=f"the answer is of type {value}")
    if found == "nothing":
        value = last_line(stdout)
    if value is None:
        return ProgramResult(status="no_answer", error="nothing bound, returned or printed")
    if isinstance(value, bool | int):
        return ProgramResult(status="ok", answer=value)
    if isinstance(value, float) and math.isfinite(value):
        return ProgramResult(status="ok", answer=value)
    if isinstance(value, str) and _states_something(value):
        return ProgramResult(status="ok", answer=value)
    return ProgramResult(status="no_answer", error=f"the answer is {str(value)[:40]!r}")


def last_line(stdout: str) -> str | None:
    """The last printed line that is not blank."""
    lines = stdout.rstrip().splitlines()
    return lines[-1].strip() if lines else None


def _states_something(text: str) -> bool:
    """Whether a text may be an answer: not blank, not endless, and no NaN or infinity as text."""
    if not text.strip() or len(text) > MAX_TEXT_ANSWER:
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return True
