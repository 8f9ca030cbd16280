"""Links the steps of a solution: which number is the result of which step."""

import re
from collections.abc import Sequence

from mdexp.answers import canonical
from mdexp.teacher.solution import Step

Token = str | int  # a number or sign as written, or the index of the step whose result it is
Chain = Sequence[tuple[Token, ...]]


def link(steps: Sequence[Step], question: str) -> list[tuple[Token, ...]]:
    """Each step's tokens, in which the result of an earlier step is replaced by that step's index.

    A number that the question also gives counts as a result only once.
    """
    results = [step.value for step in steps]
    unused: set[int] = set()
    linked = []
    for place, step in enumerate(steps):
        tokens: list[Token] = []
        for token in step.tokens:
            sources = [i for i in range(place) if results[i] == canonical(token)]
            fresh = [i for i in sources if i in unused]
            given = token in question
            source = fresh[-1:] or ([] if given else sources[-1:])
            unused.difference_update(source)
            tokens += source or [token]
        linked.append(tuple(tokens))
        unused.add(place)
    return linked


def needed(linked: Chain) -> list[int]:
    """The indices of the steps that the last one depends on, itself included, in order."""
    open_places, found = {len(linked) - 1}, set()
    while open_places:
        place = open_places.pop()
        found.add(place)
        open_places |= {token for token in linked[place] if isinstance(token, int)} - found
    return sorted(found)


def inlined_parts(chain: Chain, place: int) -> list[str]:
    """The step written with numbers of the question only: its signs and operands, such as `(4 +
    19)`."""
    parts: list[str] = []
    for token in chain[place]:
        if isinstance(token, str):
            parts.append(token)
            continue
        inner = spaced(inlined_parts(chain, token))
        binds_tighter = not re.search(r"[+-]", inner) and parts[-1:] != ["/"]
        parts.append(inner if binds_tighter else f"({inner})")
    return parts


def spaced(tokens: Sequence[str]) -> str:
    """An expression with a space around each sign: `2 * (3 + 4)`."""
    return " ".join(tokens).replace("( ", "(").replace(" )", ")")
