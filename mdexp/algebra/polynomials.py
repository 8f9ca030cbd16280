"""Exact polynomials in several names, and rational functions of them.

A monomial is the sorted tuple of its names, each as often as its degree: x²y is ("x", "x", "y").
"""

from collections.abc import Mapping
from fractions import Fraction
from math import gcd, lcm

from mdexp.algebra.bounds import Refused
from mdexp.algebra.exact import NoValue, apply, bounded, divide, magnitude
from mdexp.algebra.expressions import Expression, Number, Operation

MAX_TERMS = 400
MAX_DEGREE = 12
_ROUNDING = 1e-13  # what is left of a float sum relative to its terms, if it cancels

Monomial = tuple[str, ...]
Polynomial = dict[Monomial, Number]
Ratio = tuple[Polynomial, Polynomial]

ONE: Polynomial = {(): 1}


class Unpolynomial(ValueError):
    """The expression applies to an unknown what no polynomial has, such as a root or a rounding."""


def ratio(expression: Expression, values: Mapping[str, Number]) -> Ratio:
    """An expression as polynomial over polynomial, with `values` put in.

    Unpolynomial if it is none, NoValue if it divides by zero, Refused above the bounds.
    """
    if type(expression) is str:
        value = values.get(expression)
        return ({(expression,): 1} if value is None else _constant(value)), ONE
    if type(expression) is not Operation:
        return _constant(expression), ONE  # type: ignore[arg-type]
    operands = [ratio(operand, values) for operand in expression.operands]
    numbers = [constant(above) for above, below in operands if below is ONE]
    if None not in numbers and len(numbers) == len(operands):
        return _constant(apply(expression.operator, numbers)), ONE  # type: ignore[arg-type]
    return _combined(expression.operator, operands)


def constant(polynomial: Polynomial) -> Number | None:
    """The number that a polynomial is; None if it has names."""
    if not polynomial:
        return 0
    return polynomial.get(()) if len(polynomial) == 1 else None


def add(left: Polynomial, right: Polynomial, factor: Number = 1) -> Polynomial:
    """Left plus `factor` times right."""
    total = dict(left)
    for monomial, coefficient in right.items():
        _accumulate(total, monomial, coefficient * factor)
    return total


def scale(polynomial: Polynomial, factor: Number) -> Polynomial:
    """Factor times the polynomial; the factor is not zero."""
    if factor == 1:
        return polynomial
    return {monomial: bounded(value * factor) for monomial, value in polynomial.items()}


def integral(polynomial: Polynomial) -> Polynomial:
    """A multiple with integers that have no common factor; with a float in it, itself."""
    values = [value for value in polynomial.values() if not isinstance(value, float)]
    if len(values) < len(polynomial):
        return polynomial
    common = lcm(*(value.denominator for value in values))
    whole = [value.numerator * (common // value.denominator) for value in values]
    factor = gcd(*whole)
    return dict(zip(polynomial, (value // factor for value in whole), strict=True))


def multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    if right is ONE:
        return left
    if len(left) == 1 and () in left:
        return scale(right, left[()])
    if len(left) * len(right) > MAX_TERMS * MAX_DEGREE:
        raise Refused(f"a product of more than {MAX_TERMS} terms")
    product: Polynomial = {}
    for first, a in left.items():
        for second, b in right.items():
            monomial = tuple(sorted(first + second)) if first and second else first or second
            if len(monomial) > MAX_DEGREE:
                raise Refused(f"a degree above {MAX_DEGREE}")
            _accumulate(product, monomial, bounded(a * b))
    if len(product) > MAX_TERMS:
        raise Refused(f"more than {MAX_TERMS} terms")
    return product


def substitute(polynomial: Polynomial, name: str, replacement: Polynomial) -> Polynomial:
    """The polynomial with another one put in for a name."""
    result: Polynomial = {}
    for monomial, coefficient in polynomial.items():
        count = monomial.count(name)
        if not count:
            _accumulate(result, monomial, coefficient)
            continue
        rest = tuple(other for other in monomial if other != name)
        term: Polynomial = {rest: coefficient}
        for _ in range(count):
            term = multiply(term, replacement)
        for product, value in term.items():
            _accumulate(result, product, value)
    return result


def names(polynomial: Polynomial) -> set[str]:
    return {name for monomial in polynomial for name in monomial}


def _constant(value: Number) -> Polynomial:
    return {(): value} if value else {}


def _accumulate(total: Polynomial, monomial: Monomial, value: Number) -> None:
    """Add one term; a zero coefficient is not kept, nor the rounding error of a float."""
    before = total.get(monomial, 0)
    after = before + value
    if after == 0 or (
        isinstance(after, float) and magnitude(after) <= _ROUNDING * magnitude(before)
    ):
        total.pop(monomial, None)
    else:
        total[monomial] = after


def _combined(operator: str, operands: list[Ratio]) -> Ratio:
    (above, below), *others = operands
    if operator in ("+", "-"):
        second, second_below = others[0]
        sign = 1 if operator == "+" else -1
        if below is second_below:
            return add(above, second, sign), below
        crossed = multiply(second, below)
        return add(multiply(above, second_below), crossed, sign), multiply(below, second_below)
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
        raise NoValue("a division by zero")
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
