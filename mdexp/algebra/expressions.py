"""Expressions as models write them in equations: `3(x + 2)`, `8% * cost`, `2x^2`, `min(a, 5)`.

Own parser (precedence climbing), since a model's text never reaches `eval` or `sympify`. A product
may go without its sign and binds like one with it: `1/2x` is half of x. A percent sign is a
hundredth, or the remainder if an operand follows it; after `* 100` it is a unit, since
`part / whole * 100%` means a number of per cent.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from mdexp.algebra.bounds import Refused

MAX_TOKENS = 400  # of a line
MAX_DEPTH = 60
MAX_NUMBER = 60  # characters of one number
MAX_EXPONENT = 4  # characters of a number's exponent: 1e-100

# An exponent may have any length, so that one that is too long is seen as a number.
UNSIGNED = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:[eE][-+]?\d+(?![\w.]))?|\.\d+"
NAME = r"[^\W\d]\w*'*"
FUNCTIONS = frozenset({"sqrt", "abs", "round", "min", "max", "floor", "ceil", "int"})
RELATIONS = frozenset({"=", "≈", "<", ">", "<=", ">=", "!="})
_SINGLE = FUNCTIONS - {"round", "min", "max"}
# Called like these, a name is meant as a function that equations cannot have here.
FOREIGN = frozenset(
    {"log", "ln", "log10", "exp", "sin", "cos", "tan", "sum", "factorial", "gcd", "lcm", "len"}
)

_CALL = re.compile(r"\b(?:min|max|round) ?\(")
_TOKEN = re.compile(rf"{UNSIGNED}|{NAME}|\*\*|//|[<>!=:]=|[^\s$€£]")
# Two strings, each character of the first standing for the one below it.
_ALIASES = dict(zip("×·⋅∙÷⁄∕−–[]{}√≃", "****///--()()√≈", strict=True)) | {
    "√": "sqrt",
    "**": "^",
    "==": "=",
    ":=": "=",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "and": ";",
}
_BINDING = {"": 0, ")": 0, ",": 0, "+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "^": 4}
_SIGN = 3  # -x^2 is -(x^2), -x * y is (-x) * y

_NO_NAMES: frozenset[str] = frozenset()

Number = int | Fraction | float


class Operation(NamedTuple):
    """An operator or function with what it applies to."""

    operator: str
    operands: "tuple[Expression, ...]"


Expression = int | Fraction | float | str | Operation  # a string is a name


class NotAnExpression(ValueError):
    """The text is not an expression; the message says where it stops to be one."""


def tokens(line: str) -> list[str]:
    """The tokens of a line. Refused above `MAX_TOKENS`."""
    if "," in line and _CALL.search(line):
        line = line.replace(",", ", ")  # min(5,100) has two arguments
    found: list[str] = _TOKEN.findall(line)
    if len(found) > MAX_TOKENS:
        raise Refused(f"a line of more than {MAX_TOKENS} tokens")
    if _ALIASES.keys().isdisjoint(found):
        return found
    return [_ALIASES.get(token, token) for token in found]


def is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"


def parse_expression(found: list[str]) -> tuple[Expression, frozenset[str]]:
    """The expression that the tokens are, and the names in it. NotAnExpression or Refused."""
    if len(found) == 1:  # as mostly one side is
        (token,) = found
        if is_name(token):
            return token, frozenset(found)
        if token.isdecimal():
            return _number(token), _NO_NAMES
    parser = _Parser(found)
    expression = parser.expression(0, 0)
    if parser.ahead:
        raise NotAnExpression(f"unexpected {parser.ahead[:20]!r}")
    return expression, frozenset(parser.names)


class _Parser:
    __slots__ = ("ahead", "last", "names", "tokens")

    def __init__(self, found: list[str]) -> None:
        self.tokens = iter(found)
        self.names: set[str] = set()
        self.ahead = next(self.tokens, "")
        self.last = ""

    def take(self) -> str:
        token = self.last = self.ahead
        self.ahead = next(self.tokens, "")
        return token

    def expression(self, least: int, depth: int) -> Expression:
        """What follows, as far as its operators bind tighter than `least`."""
        left = self.operand(depth)
        while True:
            operator = self.ahead
            binding = _BINDING.get(operator)
            if binding is None:
                if least >= _BINDING["*"] or not self.factor_follows():
                    return left
                left = Operation("*", (left, self.expression(_BINDING["*"], depth)))
                continue
            if binding <= least:
                return left
            self.take()
            if operator == "%" and not self.operand_follows():
                left = Operation("/", (left, 100))
            elif operator == "^":
                left = Operation("^", (left, self.expression(_SIGN, depth + 1)))
            else:
                left = self.combined(operator, left, depth)

    def combined(self, operator: str, left: Expression, depth: int) -> Expression:
        right = self.expression(_BINDING[operator], depth)
        if operator == "*" and right == 100 and self.ahead == "%":
            self.take()
        return Operation(operator, (left, right))

    def operand(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise Refused(f"an expression nested deeper than {MAX_DEPTH}")
        token = self.take()
        start = token[:1]
        if start.isdecimal() or (start == "." and len(token) > 1):
            return _number(token)
        if start.isalpha() or start == "_":
            if self.ahead == "(" and (token in FUNCTIONS or token in FOREIGN):
                return self.call(token, depth)
            self.names.add(token)
            return token
        if token == "(":
            inner = self.expression(0, depth + 1)
            self.close()
            return inner
        if token in ("+", "-"):
            signed = self.expression(_SIGN, depth + 1)
            return Operation("-", (0, signed)) if token == "-" else signed
        raise NotAnExpression(f"unexpected {token[:20]!r}" if token else "it ends too early")

    def call(self, function: str, depth: int) -> Expression:
        if function in FOREIGN:
            raise Refused(f"the function {function}")
        self.take()
        arguments = [self.expression(0, depth + 1)]
        while self.ahead == ",":
            self.take()
            arguments.append(self.expression(0, depth + 1))
        self.close()
        most = 1 if function in _SINGLE else 2 if function == "round" else len(arguments)
        if len(arguments) > most:
            raise NotAnExpression(f"{function} takes at most {most} arguments")
        return Operation(function, tuple(arguments))

    def close(self) -> None:
        if self.take() != ")":
            raise NotAnExpression("unclosed parenthesis")

    def factor_follows(self) -> bool:
        """Whether a product without its sign goes on: `2x`, `3(4)`, `x(y)`, but not `x y`."""
        return self.ahead == "(" or (is_name(self.ahead) and not is_name(self.last))

    def operand_follows(self) -> bool:
        return self.ahead[:1].isalnum() or self.ahead[:1] in ("(", "_")


def _number(token: str) -> int | Fraction:
    size = len(token)
    if size <= MAX_NUMBER and token.isdecimal():
        return int(token)
    if size > MAX_NUMBER or len(token.lower().partition("e")[2]) > MAX_EXPONENT:
        raise Refused("numbers that are too large")
    value = Fraction(token.replace(",", ""))
    return value.numerator if value.denominator == 1 else value
