"""When an answer counts as right: our own rule, a careless one, and those of the papers.

A paper's accuracy is only comparable under the paper's grader, so that any of them can be chosen
(`grader=pad`) and the report shows all of them over the same generations. Two things hold under
each: what the token budget cut short is wrong, and values are read by our own parser, since a
model's text is never evaluated. `lenient` differs in what it reads, so that its votes too go by the
last number said; the others judge the answer that the thought reads. Where gold is yes, no or an
option, all agree with `strict`.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from mdexp.answers import NUMBER, correct, parse
from mdexp.records import Answer, Grader

VERSION = 2  # raised when a rule below judges otherwise; part of every result
XOT_TOLERANCE = Fraction(1, 10**3)
_NUMBER = re.compile(NUMBER)


class Attempt(NamedTuple):
    """A finished path as a grader sees it."""

    answer: Answer | None  # None where its thought read none or its program failed
    said: str  # its prose, or what its program printed


def is_right(grader: Grader, attempt: Attempt, gold: Answer) -> bool:
    """The verdict of the grader of that name."""
    match grader:
        case "strict":
            return strict(attempt, gold)
        case "lenient":
            return lenient(attempt, gold)
        case "pad":
            return pad(attempt, gold)
        case "xot":
            return xot(attempt, gold)
        case "dss":
            return dss(attempt, gold)


def signature(grader: Grader) -> str:
    """Name and version, as every result row carries them."""
    return f"{grader} {VERSION}"


def answer_read(grader: Grader, attempt: Attempt, gold: Answer) -> Answer | None:
    """What the path answered, as that grader reads it; gold tells only whether a number is asked.

    `lenient` takes the last number said, whatever it is the number of, and without one the answer
    that the thought reads, as all others do.
    """
    if grader != "lenient" or not isinstance(parse(gold), Fraction):
        return attempt.answer
    numbers = _NUMBER.findall(attempt.said)
    return numbers[-1] if numbers else attempt.answer


def strict(attempt: Attempt, gold: Answer) -> bool:
    """The answer that the thought reads, by answers.correct."""
    return correct(attempt.answer, gold)


def lenient(attempt: Attempt, gold: Answer) -> bool:
    """The last number said by answers.correct; without one, as `strict`."""
    return correct(answer_read("lenient", attempt, gold), gold)


def pad(attempt: Attempt, gold: Answer) -> bool:
    """PaD (arXiv 2305.13888): `round(float(output)) == int(gold)`, halves to even, gold cut off.

    Its check that a program prints one line only is left out: our programs need not print.
    """
    values = _numbers(attempt.answer, gold)
    return round(values[0]) == int(values[1]) if values else strict(attempt, gold)


def xot(attempt: Attempt, gold: Answer) -> bool:
    """XoT (arXiv 2310.14628): less than 1e-3 from gold, whole or not."""
    values = _numbers(attempt.answer, gold)
    return abs(values[0] - values[1]) < XOT_TOLERANCE if values else strict(attempt, gold)


def dss(attempt: Attempt, gold: Answer) -> bool:
    """Distilling step-by-step (arXiv 2305.02301): equal as floating-point numbers, no tolerance.

    There both sides are equations that are evaluated first, as our parser does.
    """
    values = _numbers(attempt.answer, gold)
    return float(values[0]) == float(values[1]) if values else strict(attempt, gold)


def _numbers(answer: Answer | None, gold: Answer) -> tuple[Fraction, Fraction] | None:
    value, truth = parse(answer), parse(gold)
    if isinstance(value, Fraction) and isinstance(truth, Fraction):
        return value, truth
    return None
