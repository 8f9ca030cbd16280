"""Answers: their values, when two are equal, and where a text states one.

Numbers, yes and no, and the letters of options are compared by value (equality.py), names and
other words letter by letter or normalised (free_text.py).
"""

from mdexp.answers.equality import (
    LARGEST,
    LATEX,
    MIXED,
    NUMBER,
    NUMBER_IN_TEXT,
    canonical,
    correct,
    fitting,
    letters,
    parse,
    plain,
    vote_key,
)
from mdexp.answers.free_text import MAX_CHARS, stated_text, text_key

__all__ = [
    "LARGEST",
    "LATEX",
    "MAX_CHARS",
    "MIXED",
    "NUMBER",
    "NUMBER_IN_TEXT",
    "canonical",
    "correct",
    "fitting",
    "letters",
    "parse",
    "plain",
    "stated_text",
    "text_key",
    "vote_key",
]
