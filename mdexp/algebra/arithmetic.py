"""Exact value of an arithmetic expression as models write it: `(84 / 2)`, `1,200 * 3`, `2^3`.

Own parser (a recursive descent over + - * / ^ and parentheses), since a model's text never reaches
`eval`. Numbers are rationals; text, nesting and powers are bounded, so that no input costs much.
"""

import re
from fractions import Fraction

MAX_CHARS = 400
MAX_DEPTH = 40
MAX_EXPONENT = 64
MAX_BITS = 4096

_WHOLE = r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d+"  # 1,234 or 12,34,567
_NUMBER = rf"(?:{_WHOLE})(?:\.\d+)?(?:[eE][+-]?\d{{1,3}})?|\.\d+"
_TOKEN = re.compile(rf"\s*(?:(?P<number>{_NUMBER})|(?P<symbol>\*\*|//|[-+*/^()×÷−]))")
_ALIASES = {"×": "*", "÷": "/", "−": "-", "**": "^"}


class NotArithmetic(ValueError):
    """The text is no arithmetic expression within the bounds, or it divides by zero."""


def evaluate(text: str) -> Fraction:
    """Value of an arithmetic expression; NotArithmetic if it is not one."""
    if len(text) > MAX_CHARS:
        raise NotArithmetic(f"longer than {MAX_CHARS} characters")
    parser = _Parser(_tokens(text))
    value = parser.sum(0)
    if parser.peek():
        raise NotArithmetic(f"unexpected {parser.peek()!r}")
    return value


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    text = text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise NotArithmetic(f"unexpected {text[position]!r}")
        token = match["number"] or match["symbol"]
        tokens.append(_ALIASES.get(token, token))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.position += 1
        return token

    def sum(self, depth: int) -> Fraction:
        value = self.product(depth)
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            value += sign * self.product(depth)
        return _bounded(value)

    def product(self, depth: int) -> Fraction:
        value = self.unary(depth)
        while (operator := self.peek()) in ("*", "/", "//"):
            self.take()
            right = self.unary(depth)
            if operator == "*":
                value = _bounded(value * right)
                continue
            if right == 0:
                raise NotArithmetic("division by zero")
            value = value / right if operator == "/" else Fraction(value // right)
        return value

    def unary(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            raise NotArithmetic(f"nested deeper than {MAX_DEPTH}")
        if self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            return sign * self.unary(depth + 1)
        return self.power(depth)

    def power(self, depth: int) -> Fraction:
        base = self.atom(depth)
        if self.peek() != "^":
            return base
        self.take()
        exponent = self.unary(depth + 1)
        if exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT:
            raise NotArithmetic(f"exponent {exponent} is not an integer up to {MAX_EXPONENT}")
        if base == 0 and exponent < 0:
            raise NotArithmetic("division by zero")
        return _bounded(base ** int(exponent))

    def atom(self, depth: int) -> Fraction:
        token = self.take()
        if token == "(":
            value = self.sum(depth + 1)
            if self.take() != ")":
                raise NotArithmetic("unclosed parenthesis")
            return value
        if not token or token[0] not in "0123456789.":
            raise NotArithmetic(f"expected a number, found {token!r}")
        return _bounded(Fraction(token.replace(",", "")))


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS:
        raise NotArithmetic("the value is too large")
    return value
