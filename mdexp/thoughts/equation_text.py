"""Finds the system of equations in a model's reply, one equation a line.

Which lines are equations is the solver's own rule (algebra/lines.py); whether they can be solved is
left to it, so that a broken equation counts as broken.
"""

import re

from mdexp.algebra.lines import equation_lines
from mdexp.thoughts.code_blocks import PYTHON, TEXT, UNNAMED, blocks_of
from mdexp.transcripts.run_on import cut_run_on

# Where equations are looked for, in this order; other blocks are data, commands or output.
_PLACES = (
    UNNAMED | {"equation", "equations", "latex", "markdown", "math", "md", "tex"},
    PYTHON,
    frozenset({TEXT}),
)
_ANSWER = re.compile(r"ans\s*=(?!=)")


def equations_within(text: str) -> list[str]:
    """The equations of a reply in their order, but for `ans = ...`, which comes last."""
    blocks = blocks_of(cut_run_on(text.replace("\r\n", "\n").replace("\r", "\n")))
    for languages in _PLACES:
        found = "\n".join(block.code for block in blocks if block.language in languages)
        if lines := equation_lines(found):
            equations = dict.fromkeys(line for _, line in lines)
            return sorted(equations, key=lambda line: _ANSWER.match(line) is not None)
    return []
