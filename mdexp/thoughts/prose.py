"""How prose is read: its answer, and the reasoning that a target is made of.

The last statement of an answer counts (statement.py). A text without one is read, where a number is
asked for, by its last number, as Plan-and-Solve does.
"""

import re

from mdexp.records import Expected
from mdexp.thoughts.single_write import Reading
from mdexp.thoughts.stated_value import NOTHING, last_number, value_stated
from mdexp.thoughts.statement import Statement, last_statement, states_something, unboxed

# A completion model runs on into an invented next question. Looked for once in a run of white
# space: at each of its newlines, thousands of them would take seconds.
_RUN_ON = re.compile(r"(?<!\s)(?=\s*?\n)\s+(?:Q|Question)\s*:", re.IGNORECASE)
_LEAD = re.compile(r"\s*(?:(?:A|Answer)\s*:\s*)?", re.IGNORECASE)
_SAYS_SOMETHING = re.compile(r"\d|\w+\W+\w+\W+\w+")


def cut_run_on(text: str) -> str:
    """The text without its lead ("A:") and without a further invented question."""
    whole = up_to_run_on(text)
    text = text if whole is None else whole
    return text[_lead(text) :].strip()


def up_to_run_on(text: str) -> str | None:
    """A growing text up to an invented next question, once there is one.

    Nothing else is cut off: a later statement could be another one, so that a text that is cut at
    its first reads differently from the whole.
    """
    match = _RUN_ON.search(text, _lead(text))
    return text[: match.start()] if match else None


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


def _lead(text: str) -> int:
    lead = _LEAD.match(text)
    return lead.end() if lead else 0
