"""Exact polynomials in several names.

A monomial is the sorted tuple of its names, each as often as its degree: x²y is ("x", "x", "y").
"""

from math import gcd, lcm

from mdexp.algebra.bounds import Refused
from mdexp.algebra.exact import bounded, magnitude
from mdexp.algebra.expressions import Number

MAX_TERMS = 400
MAX_DEGREE = 12
_ROUNDING = 1e-13  # what is left of a float sum relative to its terms, if it cancels

Monomial = tuple[str, ...]
Polynomial = dict[Monomial, Number]

ONE: Polynomial = {(): 1}


def constant(polynomial: Polynomial) -> Number | None:
    """The number that a polynomial is; None if it has names."""
    if not polynomial:
        return 0
    return polynomial.get(()) if len(polynomial) == 1 else None


def add(left: Polynomial, right: Polynomial, factor: Number = 1) -> Polynomial:
    """Left plus `factor` times right."""
    total = dict(left)
    for monomial, coefficient in right.items():
        accumulate(total, monomial, coefficient * factor)
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
            accumulate(product, monomial, bounded(a * b))
    if len(product) > MAX_TERMS:
        raise Refused(f"more than {MAX_TERMS} terms")
    return product


def substitute(polynomial: Polynomial, name: str, replacement: Polynomial) -> Polynomial:
    """The polynomial with another one put in for a name."""
    result: Polynomial = {}
    for monomial, coefficient in polynomial.items():
        count = monomial.count(name)
        if not count:
            accumulate(result, monomial, coefficient)
            continue
        rest = tuple(other for other in monomial if other != name)
        term: Polynomial = {rest: coefficient}
        for _ in range(count):
            term = multiply(term, replacement)
        for product, value in term.items():
            accumulate(result, product, value)
    return result


def names(polynomial: Polynomial) -> set[str]:
    return {name for monomial in polynomial for name in monomial}


def accumulate(total: Polynomial, monomial: Monomial, value: Number) -> None:
    """Add one term; a zero coefficient is not kept, nor the rounding error of a float."""
    before = total.get(monomial, 0)
    after = before + value
    if after == 0 or (
        isinstance(after, float) and magnitude(after) <= _ROUNDING * magnitude(before)
    ):
        total.pop(monomial, None)
    else:
        total[monomial] = after
