"""Lets sympy solve systems that our solver cannot, in the confined CPython.

The program is a fixed text; the system comes in as JSON, names as numbers, and is built object by
object. No text of a model is parsed there.
"""

import json
from collections.abc import Sequence
from fractions import Fraction

from mdexp.algebra.elimination import Equation
from mdexp.algebra.expressions import Expression, Number, Operation

_PROGRAM = """
import json
import sympy

def build(node):
    kind, *rest = node
    if kind == "number":
        return sympy.Rational(rest[0], rest[1])
    if kind == "name":
        return symbols[rest[0]]
    return OPERATIONS[kind](*[build(operand) for operand in rest])

def rounded(value, digits=0):
    unit = sympy.Integer(10) ** digits
    scaled = value * unit
    if scaled.is_number:
        return sympy.Integer(round(sympy.Rational(scaled))) / unit
    return sympy.floor(scaled + sympy.Rational(1, 2)) / unit

OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a ** b,
    "//": lambda a, b: sympy.floor(a / b),
    "%": lambda a, b: a - b * sympy.floor(a / b),
    "sqrt": sympy.sqrt,
    "abs": sympy.Abs,
    "round": rounded,
    "min": sympy.Min,
    "max": sympy.Max,
    "floor": sympy.floor,
    "ceil": sympy.ceiling,
    "int": lambda a: sympy.sign(a) * sympy.floor(sympy.Abs(a)),
}
symbols = [sympy.Symbol("v%d" % i, real=True) for i in range(data["names"])]
try:
    equations = [sympy.Eq(build(left), build(right)) for left, right in data["equations"]]
    equations = [equation for equation in equations if equation is not sympy.true]
    solutions = [] if sympy.false in equations else sympy.solve(equations, symbols, dict=True)
    found = [solution.get(symbols[data["asked"]]) for solution in solutions]
    if any(value is None or value.free_symbols for value in found):
        ans = json.dumps("free")
    else:
        numbers = [sympy.N(value, 17) for value in found]
        numbers = [float(value) for value in numbers if value.is_real]
        ans = json.dumps(numbers if all(abs(n) < 1e300 for n in numbers) else "unsolved")
except NotImplementedError:
    ans = json.dumps("unsolved")
"""


def program(equations: Sequence[Equation], asked: str) -> str:
    """A Python program that binds `ans` to what `values` reads."""
    names = sorted({name for equation in equations for name in equation.names})
    data = {
        "names": len(names),
        "asked": names.index(asked),
        "equations": [[_node(e.left, names), _node(e.right, names)] for e in equations],
    }
    # A literal of a literal: JSON has no quotes of Python's that it could end.
    return f"import json\ndata = json.loads({json.dumps(json.dumps(data))})\n{_PROGRAM}"


def sympy_values(answer: object) -> list[Number] | str:
    """The values of the asked name, or why there are none: "free" or "unsolved"."""
    found = json.loads(str(answer))
    return found if isinstance(found, str) else [_exact(value) for value in found]


def _node(expression: Expression, names: list[str]) -> list[object]:
    if isinstance(expression, str):
        return ["name", names.index(expression)]
    if isinstance(expression, Operation):
        operands = [_node(operand, names) for operand in expression.operands]
        return [expression.operator, *operands]
    value = Fraction(expression)
    return ["number", value.numerator, value.denominator]


def _exact(value: float) -> Number:
    return int(value) if value == int(value) else value
