"""CPython's `round`, for Monty, whose own is wrong for 2 % of amounts of money.

It gives 2.68 for round(2.675, 2), where CPython gives 2.67. Written in Monty's subset of Python:
Monty is fed the text of this file.
"""

from typing import Any

INFINITY = float("inf")


def exact_round(number: Any, ndigits: Any = None) -> Any:
    """The decimal nearest to the exact binary value, ties to even."""
    if type(number) is not float or type(ndigits) is not int:
        return round(number, ndigits)
    if number != number or number in (INFINITY, -INFINITY) or ndigits > 323:
        return number
    if ndigits >= 0:
        return float(format(number, f".{ndigits}f"))
    if ndigits < -308:
        return 0.0 * number
    whole = int(abs(number))
    significant = len(str(whole)) + ndigits
    if significant <= 0:
        unit = 10**-ndigits
        above_half = 2 * whole > unit or (2 * whole == unit and abs(number) > whole)
        return float(unit if number > 0 else -unit) if above_half else 0.0 * number
    rounded = float(format(number, f".{significant - 1}e"))
    if rounded in (INFINITY, -INFINITY):
        raise OverflowError("rounded value too large to represent")
    return rounded
