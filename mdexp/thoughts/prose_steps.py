"""The steps of prose: its sentences and lines."""

import re

# A sentence or a line, with the number of a list's item and the white space before it.
_STEP = re.compile(r"\s*(?:\d+[.)]\s+)?\S.*?(?:[.!?](?=\s)|(?=\n)|\Z)", re.DOTALL)


def steps_of(text: str) -> list[str]:
    """Sentences and lines of a text, each with the white space before it; joined, they give it."""
    steps = [found[0] for found in _STEP.finditer(text)]
    rest = text[sum(map(len, steps)) :]
    return [*steps[:-1], steps[-1] + rest] if steps else [text] if text else []
