"""Reads prose: its answer, and the reasoning for a training target.

The last statement of an answer counts (statement.py). A text without one is read, where a number is
asked for, by its last number, as Plan-and-Solve does.
"""

import re

from mdexp.records import Expected
from mdexp.thoughts.single_write import Reading
from mdexp.thoughts.stated_value import NOTHING, last_number, value_stated
from mdexp.thoughts.statement import Statement, last_statement, states_something, unboxed
from mdexp.transcripts.run_on import cut_run_on

_SAYS_SOMETHING = re.compile(r"\d|\w+\W+\w+\W+\w+")


def read_prose(text: str, expected: Expected) -> Reading:
    """The reasoning of a text, and the answer that it states last, as written.

    The answer is None where there is none, or no single value.
    """
    text = cut_run_on(text)
    if statement := last_statement(text, expected):
        return Reading(text=_reasoning(text, statement), answer=statement.answer)
    return Reading(text=text, answer=_unstated(text, expected))


def _unstated(text: str, expected: Expected) -> str | None:
    """The answer of a text without a statement: its last number; of one line, what it begins with.
    None where it says that there is none ("The answer is unknown")."""
    if states_something(text):
        return None
    if expected.kind in ("number", "text"):
        return last_number(text)
    value = NOTHING if "\n" in text else value_stated(text, expected)
    return value if isinstance(value, str) else None


def _reasoning(text: str, statement: Statement) -> str:
    """What stands before a statement, or behind one that comes first."""
    if not statement.bare:
        return unboxed(text)
    before = text[: statement.start].rstrip(" \t,\n*#$[(\\_")
    behind = text[statement.end :].lstrip(" \t.,;*_\n$\\])")
    return behind if behind and not _SAYS_SOMETHING.search(before) else before
