"""Finding the program within a model's reply."""

import re
import textwrap

from mdexp.thoughts.program_form import parse
from mdexp.thoughts.prose import cut_run_on

MAX_CHARS = 20_000
MAX_PROSE_LINES = 40  # before the program; looking at each costs a parse of the rest
_FENCE = re.compile(r"```[ \t]*(?i:python3?|py)?[ \t]*\n(?P<code>.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
# How a line of code starts even where the program as a whole is broken.
_CODE = re.compile(
    r"[A-Za-z_][\w.]*(?:\[[^]]*\])?\s*(?:[-+*/%]|//|\*\*)?=(?!=)|(?:def|class)\s+\w+\s*[(:]"
    r"|from\s+[\w.]+\s+import\b|print\s*\("
)


def program_within(text: str) -> str:
    """The program within a reply: the first fenced block, else all from the first code line."""
    text = text[:MAX_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    text = _INDENT.sub(lambda indent: indent[0].replace("\t", "    "), text)
    if fence := _FENCE.search(text):
        return textwrap.dedent(fence["code"]).strip("\n")
    text = textwrap.dedent(text).strip("\n")
    cut = cut_run_on(text)
    if parse(cut) is None and parse(text) is not None:
        return text  # the next question is in a string
    lines = cut.split("\n")
    for _ in range(MAX_PROSE_LINES):
        if len(lines) == 1 or not _is_prose(lines):
            break
        lines.pop(0)
    return textwrap.dedent("\n".join(lines)).rstrip()


def _is_prose(lines: list[str]) -> bool:
    """Whether the first line is no code: neither by itself nor as the start of what follows."""
    first = lines[0].strip()
    if first and (parse(first) is not None or _CODE.match(first)):
        return False
    return not first or parse(textwrap.dedent("\n".join(lines))) is None
