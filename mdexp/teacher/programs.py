"""Writes a solved problem as a program, in several styles; the first is the shortest.

One step a line with the numbers of the question suits a student of a hundred million parameters:
descriptive names make programs longer and have to be invented.
"""

from collections.abc import Mapping, Sequence

from mdexp.teacher.chain import Chain, inlined_parts, link, needed, spaced
from mdexp.teacher.quantities import quantities
from mdexp.teacher.solution import Step

MAX_STEPS = 20
MAX_EXPRESSION = 80  # longest program of one expression, in characters


def program_styles(steps: Sequence[Step], question: str) -> list[str]:
    """Programs that set `ans`, in a fixed order of styles; for one step two of them may be
    equal."""
    chain = link(steps, question)
    places = needed(chain)
    if len(places) > MAX_STEPS:
        return []
    last = places[-1]
    letters = {place: chr(ord("a") + rank) for rank, place in enumerate(places)} | {last: "ans"}
    numbered = {place: f"step_{rank}" for rank, place in enumerate(places, start=1)}
    expression = f"ans = {spaced(inlined_parts(chain, last))}"
    return [
        _assignments(chain, letters),
        _assignments(chain, quantities(steps, places) | {last: "ans"}),
        *([expression] if len(expression) <= MAX_EXPRESSION else []),
        f"{_assignments(chain, numbered)}\nans = {numbered[last]}",
    ]


def _assignments(chain: Chain, names: Mapping[int, str]) -> str:
    """One assignment for each step: `a = 4 * 19`."""
    lines = []
    for place, name in names.items():
        tokens = [names[token] if isinstance(token, int) else token for token in chain[place]]
        lines.append(f"{name} = {spaced(tokens)}")
    return "\n".join(lines)
