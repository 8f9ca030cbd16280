"""Names the quantities that a solution computes, from the words beside each result."""

import keyword
import re
from collections.abc import Sequence

from mdexp.teacher.solution import Step

_FILLER = re.compile(
    r"a|all|an|and|are|at|be|because|been|by|can|could|each|every|find|first|for|from|had|has|have"
    r"|he|her|his|how|in|is|it|its|many|means|more|much|must|next|number|of|on|or|per|she|so|that"
    r"|the|their|then|there|therefore|these|they|this|those|thus|to|together|total|was|were|which"
    r"|will|with|would"
)


def quantities(steps: Sequence[Step], places: Sequence[int]) -> dict[int, str]:
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
