"""Solves systems of equations exactly: definitions, elimination, polynomials in one name.

Names that an equation defines by known ones get their values first. What is left becomes
polynomials; a name that stands alone in one of them (linear, with a number before it) is eliminated
from the others, which for linear systems is Gauss's elimination. A polynomial in one name then
gives its real roots, each of which is a branch of its own. What none of this settles is
`Unsettled`.
"""

from collections.abc import Iterator, Sequence

from mdexp.algebra.bounds import Refused
from mdexp.algebra.elimination import (
    Contradiction,
    Equation,
    Form,
    coefficients,
    eliminated,
    forms_of,
    in_one_name,
    refuse_conflicts,
    resolved,
)
from mdexp.algebra.exact import NoExactValue, exact_value, magnitude
from mdexp.algebra.expressions import Number
from mdexp.algebra.polynomials import ONE, Polynomial, names
from mdexp.algebra.roots import real_roots, without_roots_of

MAX_BRANCHES = 64
FLOAT_TOLERANCE = 1e-9  # relative; two sides that are not rational
# Models round: where a system has decimals, 10/3 may be met by 3.33.
ROUNDED_TOLERANCE = 0.005
ROUNDED_RELATIVE = 0.001


class Underdetermined(ValueError):
    """The name that is asked for may have many values."""


class Unsettled(ValueError):
    """The way of solving here does not lead to the end, which says nothing about the system."""


def solutions(equations: Sequence[Equation], asked: str, rounded: bool = False) -> list[Number]:
    """The real values of a name, one for each solution.

    `rounded` allows sides that differ by a rounding. Contradiction, Underdetermined, Unsettled, or
    Refused above the bounds.
    """
    search = _Search(asked, rounded)
    found = list(search.branch(equations, {}))
    if not found:
        raise search.contradiction or Contradiction("no real solution")
    return found


class _Search:
    """The branches of one system."""

    def __init__(self, asked: str, rounded: bool) -> None:
        self.asked = asked
        self.rounded = rounded
        self.count = 0
        self.contradiction: Contradiction | None = None

    def branch(self, pending: Sequence[Equation], values: dict[str, Number]) -> Iterator[Number]:
        """Values of the asked name in the solutions of `pending` that agree with `values`."""
        self.count += 1
        if self.count > MAX_BRANCHES:
            raise Refused(f"more than {MAX_BRANCHES} branches")
        try:
            yield from self._solved(pending, values)
        except Contradiction as contradiction:
            self.contradiction = self.contradiction or contradiction

    def _solved(self, pending: Sequence[Equation], values: dict[str, Number]) -> Iterator[Number]:
        while pending := self._defined(pending, values):
            forms, waiting = forms_of(pending, values)
            bound, rest = eliminated(forms)
            found = resolved(bound)
            refuse_conflicts(rest, values.keys() | found.keys())
            if root := in_one_name(rest):
                yield from self._roots(root, pending, values | found)
                return
            if not found:
                if self.asked not in values and (waiting or any(form.zero for form in rest)):
                    raise Unsettled("the equations left are neither linear nor in one name")
                break
            values |= found
            if not waiting and _all_true(forms, rest, bound, found):
                break
        if self.asked not in values:
            raise Underdetermined(f"the equations leave {self.asked} free")
        yield values[self.asked]

    def _roots(
        self, form: Form, pending: Sequence[Equation], values: dict[str, Number]
    ) -> Iterator[Number]:
        """The branches of an equation in one name."""
        (name,) = names(form.zero)
        polynomial = coefficients(form.zero)
        if names(form.nonzero) == {name}:
            polynomial = without_roots_of(polynomial, coefficients(form.nonzero))
        others = [equation for equation in pending if equation is not form.equation]
        roots = real_roots(polynomial)
        if not roots:
            raise Contradiction(f"no real {name} (line {form.equation.line})")
        for root in roots:
            yield from self.branch(others, values | {name: root})

    def _defined(
        self, pending: Sequence[Equation], values: dict[str, Number]
    ) -> Sequence[Equation]:
        """What is left once names have the values that equations give by known ones."""
        count = -1
        while pending and len(pending) != count:
            count = len(pending)
            pending = [equation for equation in pending if not self._settles(equation, values)]
        return pending

    def _settles(self, equation: Equation, values: dict[str, Number]) -> bool:
        """Whether an equation defines a name or has only known ones, then having to be true."""
        left, right = equation.left, equation.right
        try:
            if equation.right_names <= values.keys():
                if equation.left_names <= values.keys():
                    self._check(equation, exact_value(left, values), exact_value(right, values))
                elif isinstance(left, str):
                    values[left] = exact_value(right, values)
                else:
                    return False
            elif isinstance(right, str) and equation.left_names <= values.keys():
                values[right] = exact_value(left, values)
            else:
                return False
        except NoExactValue as error:
            raise Contradiction(f"{error} (line {equation.line})") from None
        return True

    def _check(self, equation: Equation, left: Number, right: Number) -> None:
        if left == right:
            return
        size = max(magnitude(left), magnitude(right))
        exact = not isinstance(left, float) and not isinstance(right, float)
        allowed: Number = 0 if exact else FLOAT_TOLERANCE * max(1.0, float(size))
        if self.rounded:
            allowed = max(allowed, ROUNDED_TOLERANCE, ROUNDED_RELATIVE * size)
        if magnitude(left - right) > allowed:
            raise Contradiction(
                f"the sides are {_short(left)} and {_short(right)} (line {equation.line})"
            )


def _all_true(
    forms: list[Form],
    rest: list[Form],
    bound: list[tuple[str, Polynomial]],
    found: dict[str, Number],
) -> bool:
    """Whether the values found make all equations true, as exact ones do without denominators."""
    return (
        len(found) == len(bound)
        and float not in map(type, found.values())
        and all(form.nonzero is ONE for form in forms)
        and not any(form.zero for form in rest)
    )


def _short(value: Number) -> str:
    if isinstance(value, int) and value.bit_length() < 64:
        return str(value)
    return f"{float(value):g}" if magnitude(value) < 10**300 else "a huge number"
