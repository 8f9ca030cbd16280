"""How prose states its answer, and what has to be cut from it before it can be a target.

Teachers end in many ways: "The answer is (84 / 2).", "#### 990", "ans = 9", "the answer is <203>."
The last statement counts. A text without one is read by its last number, as Plan-and-Solve does;
one without numbers may be an answer as a whole ("yes").
"""

import re

from mdexp.answers import LATEX, MIXED, NUMBER, canonical
from mdexp.records import Answer

# A completion model runs on into an invented next question. Looked for once in a run of white
# space: at each of its newlines, thousands of them would take seconds.
_RUN_ON = re.compile(r"(?<!\s)(?=\s*?\n)\s+(?:Q|Question)\s*:", re.IGNORECASE)
_LEAD = re.compile(r"\A\s*(?:(?:A|Answer)\s*:\s*)?", re.IGNORECASE)

# Followed by its value on the same line; "Answer:" alone on a line is a heading.
_MARKER = re.compile(
    r"(?:(?:so|therefore|thus|hence),?\s+)?"
    r"(?:(?:the\s+)?(?:final\s+)?\banswer\s*(?:\([\w ]+\)\s*)?(?:is|:|=)|####|\bans\s*=)"
    r"[ \t]*:?[ \t]*(?=[^\s])",
    re.IGNORECASE,
)
# What ends a value: a full stop that is no decimal point.
_END = re.compile(r"\.(?!\d)|;|\n")
# A sentence or a line, with the number of a list's item and the white space before it.
_STEP = re.compile(r"\s*(?:\d+[.)]\s+)?\S.*?(?:[.!?](?=\s)|(?=\n)|\Z)", re.DOTALL)
_NUMBER_IN = re.compile(rf"(?<![\w.])(?:[-−]?\d*{LATEX}|[-−]?{MIXED}|{NUMBER})")


def cut_run_on(text: str) -> str:
    """The text without its lead ("A:") and without a further invented question."""
    text = _LEAD.sub("", text)
    if match := _RUN_ON.search(text):
        text = text[: match.start()]
    return text.strip()


def stated_answer(text: str) -> Answer | None:
    """The answer that a cleaned text states last, as written; None without a number or word."""
    markers = list(_MARKER.finditer(text))
    value = _value(text[markers[-1].end() :]) if markers else ""
    if canonical(value) is not None:
        return value
    numbers = _NUMBER_IN.findall(value or text)
    if not numbers:
        return text if canonical(text) is not None else None
    return numbers[0] if value else numbers[-1]


def up_to_answer(text: str) -> str | None:
    """A growing text up to the line of its answer, once it has gone on to the next line."""
    marker = _MARKER.search(text)
    end = text.find("\n", marker.end()) if marker else -1
    return up_to_run_on(text) if end < 0 else text[:end]


def up_to_run_on(text: str) -> str | None:
    """A growing text up to an invented next question, once there is one."""
    match = _RUN_ON.search(text)
    return text[: match.start()] if match else None


def without_statement(text: str) -> str:
    """The reasoning alone: the last statement of the answer and what follows it are dropped."""
    markers = list(_MARKER.finditer(text))
    return text[: markers[-1].start()].rstrip(" ,\n*#") if markers else text


def steps_of(text: str) -> list[str]:
    """The sentences and lines of a text, with the white space before each: together they are it."""
    steps = [found[0] for found in _STEP.finditer(text)]
    rest = text[sum(map(len, steps)) :]
    return [*steps[:-1], steps[-1] + rest] if steps else [text] if text else []


def _value(text: str) -> str:
    """The value at the head of a text: up to the end of the sentence, after a chain of `=`."""
    match = _END.search(text)
    value = text[: match.start()] if match else text
    return value.rsplit("=", 1)[-1].strip("<>*$ \t")
