"""Decides where a program runs: in Monty if possible, else in CPython with the libraries it
mentions.

It is for equal answers in every tier and for speed, not for safety: every tier is a sandbox, and
programs on which Monty fails go to CPython anyway. Read as text, in linear time, and never parsed:
the text is hostile, and CPython's parser is not made for that.
"""

import re
from typing import Literal, NamedTuple

from mdexp.sandbox.imports import without_unused_imports

Kind = Literal["slim", "full"]

_NUMERIC = frozenset({"numpy", "sympy"})
_NOT_FOR_MONTY = _NUMERIC | {
    # Monty's value may be another one.
    *("set", "frozenset", "hash", "locals", "gamma", "lgamma", "cbrt"),
    # An error that is only Monty's would go unnoticed.
    *("except", "hasattr", "getattr"),
    # The programs of a batch would share their state.
    *("random", "secrets", "uuid", "decimal"),
}

# A program without any of these has none of the words.
_SHORTEST = [w for w in _NOT_FOR_MONTY if not any(o in w and o != w for o in _NOT_FOR_MONTY)]

_WORD = re.compile(r"[^\W\d]\w*")
# A class, and what is no function but returns, which Monty takes.
_BESIDE = re.compile(r"^(?:[ \t]*class|return)\b", re.MULTILINE)
# Every alternative ends where the next token may begin: no text is read twice.
_STRING = re.compile(r"'[^'\n]*'?|\"[^\"\n]*\"?")
# A set in braces: what stands before the first comma or `for` has no colon.
_SET_DISPLAY = re.compile(r"\{\s*\*[^*]|\{[^{}:,]*(?:,|\bfor\b)")


class Routed(NamedTuple):
    """A program and how it is run."""

    program: str  # without the imports that it does not use
    kind: Kind  # what it needs of CPython, should it get there
    for_monty: bool  # whether what Monty answers is CPython's answer


def routed(program: str) -> Routed:
    """Route a program."""
    program = without_unused_imports(program)
    words = _telling_words(program)
    return Routed(
        program,
        "slim" if words.isdisjoint(_NUMERIC) else "full",
        not words
        and not (("class" in program or "return" in program) and _BESIDE.search(program))
        and not ("{" in program and _has_set(program)),
    )


def _telling_words(program: str) -> frozenset[str]:
    """Those of its words that are not for Monty."""
    for word in _SHORTEST:  # few programs have any, and a substring is found fast
        if word in program:
            return _NOT_FOR_MONTY.intersection(_WORD.findall(program))
    return frozenset()


def _has_set(program: str) -> bool:
    """Whether there may be a set in braces: CPython orders its elements differently."""
    return _SET_DISPLAY.search(_STRING.sub("''", program)) is not None
