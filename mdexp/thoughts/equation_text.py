"""Finding the system of equations within a model's reply: its equations, one a line.

Which lines are equations is the solver's own rule (algebra/lines.py); whether they can be solved is
left to it, so that a broken equation counts as broken.
"""

import re

from mdexp.algebra.lines import equation_lines
from mdexp.thoughts.prose import cut_run_on

_FENCE = re.compile(r"(?<!`)```[^\n]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_ANSWER = re.compile(r"ans\s*=(?!=)")


def equations_within(text: str) -> list[str]:
    """The equations of a reply in their order, but for `ans = ...`, which comes last."""
    text = cut_run_on(text.replace("\r\n", "\n").replace("\r", "\n"))
    if blocks := _FENCE.findall(text):
        text = "\n".join(blocks)
    equations = dict.fromkeys(line for _, line in equation_lines(text))
    return sorted(equations, key=lambda line: _ANSWER.match(line) is not None)
