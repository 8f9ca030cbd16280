"""Writes a solved problem as prose, in several styles; the first is short and still says why.

Each has one equation a line. The sentences are those of the dataset's solution, shortened.
"""

import re
from collections.abc import Sequence

from mdexp.teacher.chain import spaced
from mdexp.teacher.solution import Step

MAX_LEAD = 6  # most words before the equation of a short sentence
MAX_UNIT = 2  # most words after it

_BULLET = re.compile(r"\A(?:[-•]|\d+\.)\s+")
_OPENING = re.compile(
    r"\A(?:(?:first|then|next|now|so|thus|therefore|hence|finally|this means|that means)"
    r"\b[,:]?\s*(?:that\s+)?)+",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r",\s+|\s(?:so|because|since)(?:\s|\Z)")
_UNIT_END = re.compile(
    r"a|altogether|an|and|are|as|at|because|by|each|every|for|from|had|has|have|he|if|in|is|it|left"
    r"|more|of|on|or|per|she|since|so|than|that|the|they|to|together|total|was|were|when|which|who"
    r"|with",
    re.IGNORECASE,
)


def sentence_styles(steps: Sequence[Step]) -> list[str]:
    """Solutions in prose, without the statement of the answer, in a fixed order of styles."""
    equations = [f"{spaced(step.tokens)} = {step.value}" for step in steps]
    pairs = list(zip(steps, equations, strict=True))
    return [
        "\n".join(_short(step, equation) for step, equation in pairs),
        "\n".join(_full(step, equation) for step, equation in pairs),
        "\n".join(
            f"Step {number}: {equation}{_unit(step)}."
            for number, (step, equation) in enumerate(pairs, start=1)
        ),
        "\n".join(equations),
    ]


def _short(step: Step, equation: str) -> str:
    """A step as the last clause before the equation, the equation and its unit."""
    clauses = [clause for clause in _CLAUSE.split(_opened(step.lead)) if clause]
    clause = _opened(clauses[-1]) if clauses else ""
    words = clause.split()
    if len(words) > MAX_LEAD or step.value in words:  # a result stated before it is computed
        clause = ""
    return _sentence(clause, f"{equation}{_unit(step)}")


def _full(step: Step, equation: str) -> str:
    gap = "" if step.tail.startswith("/") else " "
    return _sentence(_opened(step.lead), f"{equation}{gap}{step.tail}")


def _sentence(lead: str, rest: str) -> str:
    text = f"{lead} {rest}".strip()
    return text[0].upper() + text[1:].rstrip(" .,;:") + "."


def _opened(lead: str) -> str:
    """The words before an equation, without bullet and connectives."""
    return _OPENING.sub("", _BULLET.sub("", lead)).strip()


def _unit(step: Step) -> str:
    """The unit after the result, such as ` boxes`: the first words up to one that cannot be a
    unit."""
    words: list[str] = []
    for word in step.tail.split()[:MAX_UNIT]:
        if _UNIT_END.fullmatch(word) or not word[0].isalpha():
            break
        words.append(word.rstrip(".,;:"))
    return "".join(f" {word}" for word in words)
