"""Writes a solved problem as equations that are solved for `ans`, in several styles.

Equations may state a relation instead of a computation: a difference is what has to be added (`x +
9 = 15`), a quotient what has to be multiplied (`6 * x = 90`). This is their advantage over
programs, so three of the four styles use it.
"""

from collections.abc import Mapping, Sequence

from mdexp.teacher.chain import Chain, inlined_parts, link, needed, spaced
from mdexp.teacher.programs import MAX_EXPRESSION, MAX_STEPS
from mdexp.teacher.quantities import quantities
from mdexp.teacher.solution import Step


def equation_styles(steps: Sequence[Step], question: str) -> list[str]:
    """Systems that end in `ans = ...`, in a fixed order of styles; for one step two of them may be
    equal."""
    chain = link(steps, question)
    places = needed(chain)
    if len(places) > MAX_STEPS:
        return []
    last = places[-1]
    letters = {place: chr(ord("a") + rank) for rank, place in enumerate(places)} | {last: "x"}
    named = quantities(steps, places)
    single = _relation("x", inlined_parts(chain, last))
    return [
        _system(_relations(chain, letters), "x"),
        _system(_relations(chain, named), named[last]),
        *([_system([single], "x")] if len(single) <= MAX_EXPRESSION else []),
        _system(_goal_first(chain, letters), "x"),
    ]


def _system(equations: Sequence[str], asked_for: str) -> str:
    return "\n".join([*equations, f"ans = {asked_for}"])


def _relations(chain: Chain, names: Mapping[int, str]) -> list[str]:
    """One relation for each step, in the order of the solution."""
    return [_relation(name, _named(chain[place], names)) for place, name in names.items()]


def _goal_first(chain: Chain, names: Mapping[int, str]) -> list[str]:
    """First the quantity asked for, then those it depends on: an order that no program can have."""
    backwards = list(names.items())[::-1]
    return [f"{name} = {spaced(_named(chain[place], names))}" for place, name in backwards]


def _named(tokens: Sequence[str | int], names: Mapping[int, str]) -> list[str]:
    return [names[token] if isinstance(token, int) else token for token in tokens]


def _relation(name: str, parts: Sequence[str]) -> str:
    """`name + 9 = 15` for 15 - 9, `6 * name = 90` for 90 / 6, else `name = ...`."""
    place = _last_done(parts)
    left, right = spaced(parts[:place]), spaced(parts[place + 1 :])
    match parts[place]:
        case "-":
            return f"{name} + {right} = {left}"
        case "/":
            return f"{right} * {name} = {left}"
        case _:
            return f"{name} = {spaced(parts)}"


def _last_done(parts: Sequence[str]) -> int:
    """The index of the operator that is applied last: the rightmost of lowest precedence outside
    brackets."""
    depth, places = 0, {"+-": 0, "*/": 0}
    for place, part in enumerate(parts):
        depth += (part == "(") - (part == ")")
        for signs in places:
            if depth == 0 and part in signs:
                places[signs] = place
    return places["+-"] or places["*/"]
