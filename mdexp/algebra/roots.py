"""Real roots of a polynomial in one name: rational ones exactly, others to double precision.

Linear and quadratic ones by formula; from degree three on Sturm's theorem isolates each root of the
square-free part in an interval of its own, which is halved on integers until a float can tell no
more. A rational root then is found by the rational root theorem: leading coefficient times root is
an integer, and the interval is too narrow for two.

Coefficients are integers, the highest degree first, without a leading zero.
"""

from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm

from mdexp.algebra.bounds import Refused
from mdexp.algebra.exact import divide, precise_root, square_root
from mdexp.algebra.expressions import Number

MAX_COEFFICIENT_BITS = 512
_PRECISION = 60  # bits of a root that are right, more than the 53 of a float


def primitive(coefficients: list[Number]) -> list[int]:
    """The integer polynomial with the same roots, without common factor and leading zeros."""
    ratios = [Fraction(value) for value in coefficients]
    common = lcm(*(value.denominator for value in ratios))
    return _reduced([int(value * common) for value in ratios])


def real_roots(polynomial: list[int]) -> list[Number]:
    """The distinct real roots, the least first. Refused for coefficients beyond the bounds."""
    if max(abs(value) for value in polynomial).bit_length() > MAX_COEFFICIENT_BITS:
        raise Refused("a polynomial with coefficients that are too large")
    if polynomial[-1] == 0:
        while polynomial[-1] == 0:
            polynomial = polynomial[:-1]
        return sorted([0, *real_roots(polynomial)])
    if len(polynomial) < 3:
        return [divide(-polynomial[1], polynomial[0])] if len(polynomial) == 2 else []
    if len(polynomial) == 3:
        return _quadratic(*polynomial)
    return _isolated(_square_free(polynomial))


def without_roots_of(polynomial: list[int], other: list[int]) -> list[int]:
    """The polynomial without the roots that it shares with another one."""
    while len(common := _common(polynomial, other)) > 1:
        polynomial = _quotient(polynomial, common)
    return polynomial


def _quadratic(a: int, b: int, c: int) -> list[Number]:
    discriminant = b * b - 4 * a * c
    if discriminant < 0:
        return []
    if discriminant == 0:
        return [divide(-b, 2 * a)]
    root = square_root(discriminant)
    if not isinstance(root, float):
        return sorted([divide(-b - root, 2 * a), divide(-b + root, 2 * a)])
    # Of the two, the one without cancellation first; the product of both is c / a.
    exact = precise_root(discriminant)
    larger = (-b - exact if b > 0 else -b + exact) / (2 * a)
    return sorted([float(larger), float(Fraction(c, a) / larger)])


def _isolated(polynomial: list[int]) -> list[Number]:
    sequence = _sturm(polynomial)
    # Cauchy's bound, as a power of two.
    reach = 2 + max(map(abs, polynomial)).bit_length() - abs(polynomial[0]).bit_length()
    bound = Fraction(2) ** max(1, reach)
    roots: list[Number] = []
    todo = [(-bound, bound, _changes(sequence, -bound), _changes(sequence, bound))]
    while todo:
        low, high, at_low, at_high = todo.pop()
        if at_low == at_high:
            continue
        if at_low - at_high == 1:
            roots.append(_refined(polynomial, low, high))
            continue
        middle = (low + high) / 2
        at_middle = _changes(sequence, middle)
        todo += [(low, middle, at_low, at_middle), (middle, high, at_middle, at_high)]
    return sorted(roots)


def _refined(polynomial: list[int], low: Fraction, high: Fraction) -> Number:
    """The one root in (low, high]."""
    lead = abs(polynomial[0])
    sign = _sign(polynomial, high)
    if sign == 0:
        return divide(high.numerator, high.denominator)
    rational_tried = False
    while True:
        narrow = (high - low) * 2 * lead < 1
        if narrow and not rational_tried:
            rational_tried = True
            candidate = Fraction(round((low + high) / 2 * lead), lead)
            if low < candidate <= high and _sign(polynomial, candidate) == 0:
                return divide(candidate.numerator, candidate.denominator)
        if narrow and (high - low) * 2**_PRECISION < min(abs(low), abs(high)):
            return float((low + high) / 2)
        middle = (low + high) / 2
        at_middle = _sign(polynomial, middle)
        if at_middle == 0:
            return divide(middle.numerator, middle.denominator)
        low, high = (low, middle) if at_middle == sign else (middle, high)


def _sturm(polynomial: list[int]) -> list[list[int]]:
    sequence = [polynomial, _derivative(polynomial)]
    while len(rest := _remainder(sequence[-2], sequence[-1])) > 0:
        sequence.append([-value for value in rest])
    return sequence


def _changes(sequence: list[list[int]], at: Fraction) -> int:
    """How often the sign changes along a Sturm sequence at a point."""
    signs = [sign for polynomial in sequence if (sign := _sign(polynomial, at))]
    return sum(left != right for left, right in pairwise(signs))


def _sign(polynomial: list[int], at: Fraction) -> int:
    value, below = 0, 1
    for coefficient in polynomial:  # times the denominator's power: all integers
        value = value * at.numerator + coefficient * below
        below *= at.denominator
    return (value > 0) - (value < 0)


def _derivative(polynomial: list[int]) -> list[int]:
    degree = len(polynomial) - 1
    return [value * (degree - place) for place, value in enumerate(polynomial[:-1])]


def _square_free(polynomial: list[int]) -> list[int]:
    common = _common(polynomial, _derivative(polynomial))
    return _quotient(polynomial, common) if len(common) > 1 else polynomial


def _common(left: list[int], right: list[int]) -> list[int]:
    """The greatest common divisor."""
    while right:
        left, right = right, _remainder(left, right)
    return _reduced(left)


def _remainder(left: list[int], right: list[int]) -> list[int]:
    """The remainder of a division, times a positive number."""
    rest, lead = list(left), abs(right[0])
    sign = 1 if right[0] > 0 else -1
    while len(rest) >= len(right):
        factor = sign * rest[0]
        rest = [value * lead for value in rest]
        for place, value in enumerate(right):
            rest[place] -= factor * value
        rest = rest[1:]
    return _reduced(rest)


def _quotient(left: list[int], right: list[int]) -> list[int]:
    """Left by right, which divides it, up to a number."""
    rest = [Fraction(value) for value in left]
    result: list[Number] = []
    while len(rest) >= len(right):
        factor = rest[0] / right[0]
        result.append(factor)
        for place, value in enumerate(right):
            rest[place] -= factor * value
        rest = rest[1:]
    return primitive(result)


def _reduced(polynomial: list[int]) -> list[int]:
    """Without leading zeros and common factor, its sign kept."""
    start = next((place for place, value in enumerate(polynomial) if value), len(polynomial))
    common = gcd(*polynomial)
    return [value // common for value in polynomial[start:]]
