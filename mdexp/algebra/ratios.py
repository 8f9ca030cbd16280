"""Expressions as rational functions: a polynomial over a polynomial, exact as long as they are."""

from collections.abc import Mapping
from fractions import Fraction

from mdexp.algebra.bounds import Refused
from mdexp.algebra.exact import NoExactValue, apply, bounded, divide
from mdexp.algebra.expressions import Expression, Number, Operation
from mdexp.algebra.polynomials import (
    MAX_DEGREE,
    ONE,
    Polynomial,
    accumulate,
    constant,
    multiply,
    scale,
)

Ratio = tuple[Polynomial, Polynomial]

_SIGNS = {"+": 1, "-": -1}


class Unpolynomial(ValueError):
    """The expression applies to an unknown what no polynomial has, such as a root or a rounding."""


def ratio(expression: Expression, values: Mapping[str, Number]) -> Ratio:
    """An expression as polynomial over polynomial, with `values` put in.

    Unpolynomial if it is none, NoValue if it divides by zero, Refused above the bounds.
    """
    if type(expression) is str:
        value = values.get(expression)
        return ({(expression,): 1} if value is None else _number(value)), ONE
    if type(expression) is not Operation:
        return _number(expression), ONE  # type: ignore[arg-type]
    operator, operands = expression
    if operator in _SIGNS:
        return _sum(expression, values)
    parts = [ratio(operand, values) for operand in operands]
    numbers = [constant(above) for above, below in parts if below is ONE]
    if None not in numbers and len(numbers) == len(parts):
        return _number(apply(operator, numbers)), ONE  # type: ignore[arg-type]
    return _combined(operator, parts)


def _number(value: Number) -> Polynomial:
    return {(): value} if value else {}


def _sum(expression: Expression, values: Mapping[str, Number]) -> Ratio:
    """A sum of terms, which all are added to one polynomial."""
    terms: list[tuple[int, Expression]] = []
    while type(expression) is Operation and expression.operator in _SIGNS:
        sign = _SIGNS[expression.operator]
        expression, term = expression.operands
        terms.append((sign, term))
    terms.append((1, expression))
    total: Polynomial = {}
    below = ONE
    for sign, term in reversed(terms):
        above, under = _term(term, values)
        if under is not below:
            above = multiply(above, below)
            total, below = dict(multiply(total, under)), multiply(below, under)
        for monomial, coefficient in above.items():
            accumulate(total, monomial, coefficient * sign)
    if total and (number := constant(total)):
        total = {(): bounded(number)}
    return total, below


def _term(expression: Expression, values: Mapping[str, Number]) -> Ratio:
    """A term of a sum, which mostly is a number times an unknown."""
    if type(expression) is Operation and expression.operator == "*":
        factor, name = expression.operands
        if type(factor) is int and factor and type(name) is str and name not in values:
            return {(name,): factor}, ONE
    return ratio(expression, values)


def _combined(operator: str, operands: list[Ratio]) -> Ratio:
    (above, below), *others = operands
    if operator == "*":
        return multiply(above, others[0][0]), multiply(below, others[0][1])
    if operator == "/":
        return _quotient(operands[0], others[0])
    if operator == "^":
        return _power(operands[0], others[0])
    raise Unpolynomial(f"{operator} of an unknown")


def _quotient(left: Ratio, right: Ratio) -> Ratio:
    (above, below), (divisor, under) = left, right
    if not divisor:
        raise NoExactValue("a division by zero")
    value = constant(divisor)
    if value is None:
        return multiply(above, under), multiply(below, divisor)
    inverse = divide(1, value)
    return multiply(scale(above, inverse), under), below


def _power(base: Ratio, exponent: Ratio) -> Ratio:
    value = constant(exponent[0])
    if value is None or exponent[1] is not ONE or isinstance(value, float | Fraction):
        raise Unpolynomial("a power that is no integer")
    if abs(value) > MAX_DEGREE:
        raise Refused(f"a degree above {MAX_DEGREE}")
    above, below = ONE, ONE
    for _ in range(abs(value)):
        above, below = multiply(above, base[0]), multiply(below, base[1])
    return (above, below) if value >= 0 else (below, above)
