"""From what a finished program left behind to its result: the same in every tier."""

import math

from mdexp.records import Answer, ProgramResult

MAX_TEXT_ANSWER = 1000  # characters
MAX_ERROR = 300  # characters


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
    """The answer, or None and what is there in its place."""
    if found == "other":
        return None, f"the answer is of type {value}"
    if found == "nothing":
        value = last_line(stdout)
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


def _states_something(text: str) -> bool:
    """Whether a text may be an answer: not blank, not endless, and no NaN or infinity as text."""
    if not text.strip() or len(text) > MAX_TEXT_ANSWER:
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return True
