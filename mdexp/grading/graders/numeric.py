"""For graders that have their own rule for numbers and agree with `strict` on all other answers."""

from collections.abc import Callable
from fractions import Fraction

from mdexp.answers import parse
from mdexp.grading.graders.strict import STRICT
from mdexp.ports import Attempt
from mdexp.records import Answer


def is_right_by(rule: Callable[[Fraction, Fraction], bool], attempt: Attempt, gold: Answer) -> bool:
    """Whether `rule` accepts the answer, given it and gold as exact numbers; if one is not a
    number, the verdict of `strict`."""
    value, truth = parse(attempt.answer), parse(gold)
    if isinstance(value, Fraction) and isinstance(truth, Fraction):
        return rule(value, truth)
    return STRICT.is_right(attempt, gold)
