"""Equations as polynomials, and the elimination of names from them.

A name that stands alone in a polynomial (linear, with nothing but a number before it) is eliminated
from the others, which for linear systems is Gauss's elimination.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mdexp.algebra.exact import NoExactValue, bounded, divide, quotient
from mdexp.algebra.expressions import Expression, Number, Operation
from mdexp.algebra.polynomials import (
    ONE,
    Polynomial,
    add,
    constant,
    integral,
    names,
    scale,
    substitute,
)
from mdexp.algebra.ratios import Unpolynomial, ratio
from mdexp.algebra.roots import primitive

_LARGE = 2**60  # coefficients from there on are worth a common divisor


class Equation(NamedTuple):
    """Two sides, the names in each, and the line where it stands."""

    left: Expression
    right: Expression
    left_names: frozenset[str]
    right_names: frozenset[str]
    line: int

    @property
    def names(self) -> frozenset[str]:
        return self.left_names | self.right_names


class Contradiction(ValueError):
    """The equations have no real solution."""


@dataclass(slots=True)
class Form:
    """An equation as a polynomial that is zero, and another one that must not be."""

    zero: Polynomial
    nonzero: Polynomial
    equation: Equation


def forms_of(
    pending: Sequence[Equation], values: Mapping[str, Number]
) -> tuple[list[Form], list[Equation]]:
    """The equations that are polynomial, and those that are not as long as a name is unknown."""
    forms, waiting = [], []
    for equation in pending:
        try:
            zero, nonzero = ratio(Operation("-", (equation.left, equation.right)), values)
        except Unpolynomial:
            waiting.append(equation)
            continue
        except NoExactValue as error:
            raise Contradiction(f"{error} (line {equation.line})") from None
        if set(map(type, zero.values())) != {int}:
            zero = integral(zero)
        forms.append(Form(zero, nonzero, equation))
    return forms, waiting


def eliminated(forms: list[Form]) -> tuple[list[tuple[str, Polynomial]], list[Form]]:
    """Names with a polynomial that binds them to later ones, and the forms without these names."""
    bound: list[tuple[str, Polynomial]] = []
    forms = sorted(forms, key=_degree)
    while pivot := _pivot(forms):
        place, name = pivot
        binding = forms.pop(place).zero
        bound.append((name, binding))
        for form in forms:
            form.zero = _without(form.zero, name, binding)
            if form.nonzero is not ONE:
                form.nonzero = _without(form.nonzero, name, binding)
    return bound, forms


def _without(polynomial: Polynomial, name: str, binding: Polynomial) -> Polynomial:
    """A multiple of the polynomial where the name is replaced by what `binding` makes of it."""
    having = [monomial for monomial in polynomial if name in monomial]
    if not having:
        return polynomial
    if having != [(name,)]:
        return substitute(polynomial, name, _equal(name, binding))
    # Gauss's step without a division, so that integers stay integers.
    factor, coefficient = binding[(name,)], polynomial[(name,)]
    if factor in (1, -1):
        return add(polynomial, binding, -coefficient * factor)
    combined = add(scale(polynomial, factor), binding, -coefficient)
    large = any(not -_LARGE < value < _LARGE for value in combined.values())
    return integral(combined) if large else combined


def _equal(name: str, binding: Polynomial) -> Polynomial:
    """What a name equals, as a polynomial in the other names."""
    inverse = divide(-1, binding[(name,)])
    return {m: bounded(value * inverse) for m, value in binding.items() if m != (name,)}


def _pivot(forms: list[Form]) -> tuple[int, str] | None:
    """The first form in which a name stands alone, and this name."""
    for place, form in enumerate(forms):
        for monomial in form.zero:
            if len(monomial) == 1:
                (name,) = monomial
                if [other for other in form.zero if name in other] == [monomial]:
                    return place, name
    return None


def resolved(bound: list[tuple[str, Polynomial]]) -> dict[str, Number]:
    """The names that turn out to have one value."""
    open_names: dict[str, Polynomial] = {}
    found: dict[str, Number] = {}
    for name, binding in reversed(bound):
        if open_names:
            for other in open_names.keys() & names(binding):
                binding = substitute(binding, other, open_names[other])
        if names(binding) - found.keys() == {name}:
            found[name] = _root(name, binding, found)
        else:
            open_names[name] = _equal(name, binding)
    return found


def _root(name: str, binding: Polynomial, found: Mapping[str, Number]) -> Number:
    """The value of a name that makes its binding zero, all others having theirs."""
    terms = [
        (value, *[found[other] for other in monomial])
        for monomial, value in binding.items()
        if monomial != (name,)
    ]
    return bounded(quotient(terms, -binding[(name,)]))


def refuse_conflicts(forms: list[Form], known: Iterable[str]) -> None:
    """Contradiction if a form says that a number is zero; if all is known, its sides tell more."""
    for form in forms:
        if constant(form.zero) and not form.equation.names <= set(known):
            raise Contradiction(f"it contradicts the others (line {form.equation.line})")


def in_one_name(forms: list[Form]) -> Form | None:
    """The form of the least degree that has one name."""
    found = [form for form in forms if len(names(form.zero)) == 1]
    return min(found, key=_degree, default=None)


def _degree(form: Form) -> int:
    return max(map(len, form.zero), default=0)


def coefficients(polynomial: Polynomial) -> list[int]:
    """Those of a polynomial in one name, the highest degree first."""
    degree = max(map(len, polynomial))
    coefficients: list[Number] = [0] * (degree + 1)
    for monomial, value in polynomial.items():
        coefficients[degree - len(monomial)] = value
    return primitive(coefficients)
