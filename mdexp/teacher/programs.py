"""Styles in which a solved problem can be written as a program; the first is the shortest to learn.

A program with the numbers of the question, one step a line, suits a student of a hundred million
parameters: names that tell of the quantities make it longer and have to be invented.
"""

import keyword
import re
from collections.abc import Mapping, Sequence

from mdexp.teacher.chain import Token, link, needed
from mdexp.teacher.solution import Step

MAX_STEPS = 20
MAX_EXPRESSION = 80  # characters of a program that is one expression

Chain = Sequence[tuple[Token, ...]]

_FILLER = re.compile(
    r"a|all|an|and|are|at|be|because|been|by|can|could|each|every|find|first|for|from|had|has|have"
    r"|he|her|his|how|in|is|it|its|many|means|more|much|must|next|number|of|on|or|per|she|so|that"
    r"|the|their|then|there|therefore|these|they|this|those|thus|to|together|total|was|were|which"
    r"|will|with|would"
)


def program_styles(steps: Sequence[Step], question: str) -> list[str]:
    """Programs that bind `ans`, in fixed order; two styles of a one-step problem may be equal."""
    chain = link(steps, question)
    places = needed(chain)
    if len(places) > MAX_STEPS:
        return []
    last = places[-1]
    letters = {place: chr(ord("a") + rank) for rank, place in enumerate(places)} | {last: "ans"}
    numbered = {place: f"step_{rank}" for rank, place in enumerate(places, start=1)}
    expression = f"ans = {_inlined(chain, last)}"
    return [
        _assignments(chain, letters),
        _assignments(chain, _quantities(steps, places) | {last: "ans"}),
        *([expression] if len(expression) <= MAX_EXPRESSION else []),
        f"{_assignments(chain, numbered)}\nans = {numbered[last]}",
    ]


def _assignments(chain: Chain, names: Mapping[int, str]) -> str:
    """One line a step: `a = 4 * 19`."""
    lines = []
    for place, name in names.items():
        tokens = [names[token] if isinstance(token, int) else token for token in chain[place]]
        lines.append(f"{name} = {spaced(tokens)}")
    return "\n".join(lines)


def _inlined(chain: Chain, place: int) -> str:
    """The step as one expression of the question's numbers: `4 * 19 / 19`."""
    parts: list[str] = []
    for token in chain[place]:
        if isinstance(token, str):
            parts.append(token)
            continue
        inner = _inlined(chain, token)
        binds_tighter = not re.search(r"[+-]", inner) and parts[-1:] != ["/"]
        parts.append(inner if binds_tighter else f"({inner})")
    return spaced(parts)


def _quantities(steps: Sequence[Step], places: Sequence[int]) -> dict[int, str]:
    """A name for each step from the words after its result, else from those before it."""
    names: dict[int, str] = {}
    for place in places:
        words = _content(steps[place].tail)[:2] or _content(steps[place].lead)[-2:]
        name = "_".join(words) or "result"
        if keyword.iskeyword(name) or name == "ans":
            name += "_"
        same = sum(re.fullmatch(rf"{name}(_\d+)?", other) is not None for other in names.values())
        names[place] = f"{name}_{same + 1}" if same else name
    return names


def _content(text: str) -> list[str]:
    words = re.findall(r"[a-z]+", text.lower().replace("'s", ""))
    return [word for word in words if not _FILLER.fullmatch(word)]


def spaced(tokens: Sequence[str]) -> str:
    """An expression with a space around each sign: `2 * (3 + 4)`."""
    return " ".join(tokens).replace("( ", "(").replace(" )", ")")
