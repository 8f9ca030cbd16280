"""Makes a program's result from how its process ended and from its message.

A program may send anything, so its message is checked: a wrong form or size is that program's
failure.
"""

import signal
from dataclasses import dataclass, replace
from typing import Any

from mdexp.records import ProgramResult, ProgramStatus
from mdexp.sandbox.answer_rule import LARGEST_INTEGER
from mdexp.sandbox.outcome import MAX_ERROR, MAX_TEXT_ANSWER, outcome

TIER = "cpython"

_MAX_ERROR = 2 * MAX_ERROR  # a class name and a line stand around the message
_FAILURES: dict[str, ProgramStatus] = {
    "syntax_error": "syntax_error",
    "runtime_error": "runtime_error",
    "memory": "memory",
    "output": "output",
    "forbidden": "forbidden",
    "unsupported": "unsupported",
}
# Signals that are not the kernel's own verdict (SIGSEGV, SIGSYS, SIGXCPU, ...).
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_GARBLED = "the program answered out of turn"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program's process ended, and its message: empty if none came, or an ill-formed one."""

    end: str  # reply, garbled, timeout, stopped or ended
    signal: int  # that ended it; 0 if none
    seconds: float  # of CPU time
    message: dict[str, Any]

    @property
    def may_be_from_outside(self) -> bool:
        """Whether it was stopped or ended by a signal that may have come from outside."""
        return self.end == "stopped" or (self.end == "ended" and self.signal in _FROM_OUTSIDE)


def result_of(ended: Ended, cpu_seconds: float, output_bytes: int) -> ProgramResult:
    """The result of a program that had so many seconds and bytes of output."""
    if ended.end == "timeout":
        result = ProgramResult(status="timeout", error=f"TimeoutError: more than {cpu_seconds:g} s")
    elif ended.end == "stopped":
        result = ProgramResult(status="runtime_error", error="the program stopped its process")
    elif ended.end == "ended":
        result = ProgramResult(status=_died(ended.signal), error=_death(ended.signal))
    else:
        try:
            result = _believed(ended.message, output_bytes)
        except (KeyError, TypeError, ValueError):
            result = ProgramResult(status="runtime_error", error=_GARBLED)
    return replace(result, seconds=ended.seconds, tier=TIER)


def _believed(message: dict[str, Any], output_bytes: int) -> ProgramResult:
    """The result in a message. KeyError, TypeError or ValueError if there is none in it."""
    stdout = _text(message.get("stdout", ""), output_bytes)
    if message["status"] != "ran":
        error = _text(message.get("error", ""), _MAX_ERROR)
        return ProgramResult(status=_FAILURES[message["status"]], error=error, stdout=stdout)
    value = message["value"]
    if type(value) is int and abs(value) >= LARGEST_INTEGER:
        raise ValueError("an integer beyond its limit")
    if isinstance(value, str):
        value = _text(value, MAX_TEXT_ANSWER)
    elif not isinstance(value, bool | int | float | None):
        raise TypeError("not a scalar")
    return outcome(_text(message["found"], 10), value, stdout)


def _text(value: object, max_bytes: int) -> str:
    """A text that can be written down and is no longer than it may be."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    if len(value) > max_bytes:
        raise ValueError("a text beyond its limit")
    value.encode()  # UnicodeEncodeError, a ValueError, where it has lone surrogates
    return value


def _died(number: int) -> ProgramStatus:
    if number == signal.SIGSYS:
        return "forbidden"
    return "timeout" if number == signal.SIGXCPU else "runtime_error"


def _death(number: int) -> str:
    how = f"by {signal.Signals(number).name}" if number else "with no answer"
    return f"the program ended its process {how}"
