"""Numbers of CPython's libraries as plain ones, before `answer_rule.portable` sees an answer.

numpy scalars and arrays of one element become that element; exact and symbolic numbers an int where
they are whole and a float otherwise; a complex number without imaginary part its real part. What
sympy.solve gives is a number if it holds exactly one: several roots are no answer.
"""

import sys
from fractions import Fraction
from typing import Any

_DEPTH = 4  # of nested containers


def plain_number(value: Any) -> Any:
    """The number that a value stands for; the value itself if it stands for none."""
    if isinstance(value, Fraction):
        return _rational(value.numerator, value.denominator)
    return _without_imaginary(_from_sympy(_from_numpy(value)))


def _from_numpy(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic | numpy.ndarray):
        return value
    return value.item() if value.size == 1 else value


def _from_sympy(value: Any) -> Any:
    sympy = sys.modules.get("sympy")
    if sympy is None:
        return value
    value = _only_element(value, sympy, _DEPTH)
    if isinstance(value, sympy.logic.boolalg.BooleanAtom):
        return bool(value)
    if not isinstance(value, sympy.Expr) or not value.is_number:
        return value
    if value.is_Rational:
        return _rational(int(value.p), int(value.q))
    number = complex(value)
    if number.imag == 0 and number.real.is_integer() and value.is_finite:
        return int(number.real)
    return number


def _only_element(value: Any, sympy: Any, depth: int) -> Any:
    """The one sympy object that a solution holds: [3], {x: 3}, [(3,)], [{x: 3}], {3}."""
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list | tuple | set | sympy.FiniteSet | sympy.Tuple):
        return value
    if len(inner) != 1 or depth == 0:
        return value
    element = _only_element(next(iter(inner)), sympy, depth - 1)
    return element if isinstance(element, sympy.Basic) else value


def _rational(numerator: int, denominator: int) -> int | float:
    return numerator if denominator == 1 else numerator / denominator


def _without_imaginary(value: Any) -> Any:
    return value.real if isinstance(value, complex) and value.imag == 0 else value
