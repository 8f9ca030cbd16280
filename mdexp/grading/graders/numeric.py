"""Answer and gold as exact numbers."""

from fractions import Fraction

from mdexp.answers import parse
from mdexp.records import Answer


def both_numbers(answer: Answer | None, gold: Answer) -> tuple[Fraction, Fraction] | None:
    """Both as numbers; None unless both are."""
    value, truth = parse(answer), parse(gold)
    if isinstance(value, Fraction) and isinstance(truth, Fraction):
        return value, truth
    return None
