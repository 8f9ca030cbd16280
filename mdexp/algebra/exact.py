"""Values of expressions: exact where they are rational, a float where they cannot be."""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from mdexp.algebra.bounds import MAX_BITS, Refused
from mdexp.algebra.expressions import Expression, Number, Operation

_SMALL = 2**512  # below it two integers may be multiplied without looking


class NoExactValue(ValueError):
    """The expression has no real value: a division by zero, a root of a negative number."""


def exact_value(expression: Expression, values: Mapping[str, Number]) -> Number:
    """Value of an expression whose names all have values. NoValue or Refused."""
    if type(expression) is str:
        return values[expression]
    if type(expression) is not Operation:
        return expression  # type: ignore[return-value]
    operands = [exact_value(operand, values) for operand in expression.operands]
    return apply(expression.operator, operands)


def apply(operator: str, operands: list[Number]) -> Number:
    """Value of an operator or function. NoValue or Refused."""
    try:
        return bounded(_OPERATIONS[operator](*operands))
    except OverflowError:
        raise Refused("numbers that are too large") from None


def bounded(value: Number) -> Number:
    """The value itself, an integer if it is integral. Refused above `MAX_BITS`."""
    if type(value) is int:
        if -_SMALL < value < _SMALL or value.bit_length() <= MAX_BITS:
            return value
    elif type(value) is Fraction:
        if value.denominator == 1:
            return bounded(value.numerator)
        if value.numerator.bit_length() + value.denominator.bit_length() <= MAX_BITS:
            return value
    elif math.isfinite(value):
        return value
    raise Refused("numbers that are too large")


def divide(left: Number, right: Number) -> Number:
    if right == 0:
        raise NoExactValue("a division by zero")
    if type(left) is int and type(right) is int:
        whole, rest = divmod(left, right)
        return Fraction(left, right) if rest else whole
    return left / right


def quotient(products: Sequence[Sequence[Number]], divisor: Number) -> Number:
    """The sum of products over a divisor that is not zero.

    Over one denominator, since Fractions are reduced at each step; a float if one is in it.
    """
    if isinstance(divisor, float):
        return sum(map(math.prod, products)) / divisor
    above, below = 0, 1
    for product in products:
        numerator = denominator = 1
        for factor in product:
            if isinstance(factor, float):
                return sum(map(math.prod, products)) / divisor
            numerator *= factor.numerator
            denominator *= factor.denominator
        common = math.lcm(below, denominator)
        above = above * (common // below) + numerator * (common // denominator)
        below = common
    return divide(above * divisor.denominator, below * divisor.numerator)


def magnitude(value: Number) -> Number:
    return value if value >= 0 else -value


def square_root(value: Number) -> Number:
    """Exact if it is rational."""
    if value < 0:
        raise NoExactValue("the square root of a negative number")
    if isinstance(value, float):
        return math.sqrt(value)
    above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if above * above == value.numerator and below * below == value.denominator:
        return divide(above, below)
    return float(precise_root(value))


def precise_root(value: int | Fraction) -> Fraction:
    """Square root of a positive number with at least 64 bits that are right."""
    shift = max(0, 130 - value.numerator.bit_length() + value.denominator.bit_length())
    shift += shift % 2
    scaled = (value.numerator << shift) // value.denominator
    return Fraction(math.isqrt(scaled), 1 << (shift // 2))


def power(base: Number, exponent: Number) -> Number:
    if base == 0 and exponent < 0:
        raise NoExactValue("a division by zero")
    if exponent == int(exponent) and not isinstance(base, float):
        size = base.numerator.bit_length() + base.denominator.bit_length()
        if magnitude(exponent) * size > 2 * MAX_BITS:
            raise Refused("numbers that are too large")
        if exponent < 0:
            return divide(1, base ** int(-exponent))
        return base ** int(exponent)
    if exponent == Fraction(1, 2):
        return square_root(base)
    if base < 0 and exponent != int(exponent):
        raise NoExactValue("a root of a negative number")
    return math.pow(base, exponent)


def _floor_divide(left: Number, right: Number) -> Number:
    if right == 0:
        raise NoExactValue("a division by zero")
    return math.floor(divide(left, right))


def _remainder(left: Number, right: Number) -> Number:
    if right == 0:
        raise NoExactValue("a division by zero")
    return left % right


def _round(value: Number, digits: Number = 0) -> Number:
    """Python's rounding, ties to even."""
    if digits != int(digits) or not -100 <= digits <= 100:
        raise NoExactValue(f"a rounding to {float(digits):g} digits")
    if isinstance(value, float):
        return round(value, int(digits))
    return round(Fraction(value), int(digits))


_OPERATIONS: dict[str, Callable[..., Number]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": divide,
    "//": _floor_divide,
    "%": _remainder,
    "^": power,
    "sqrt": square_root,
    "abs": magnitude,
    "round": _round,
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "floor": math.floor,
    "ceil": math.ceil,
    "int": math.trunc,
}
