"""Arithmetic: exact values, Python's precedence, bounded cost, and one error for all the rest."""

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.algebra.arithmetic import MAX_CHARS, MAX_DEPTH, MAX_EXPONENT, NotArithmetic, evaluate

# A text is rendered with how tightly it binds: 0 a sum, 1 a product, 2 a signed term, 3 an atom.
SPACES = st.sampled_from(["", " ", "  "])
SIGNS = {"+": ["+"], "-": ["-", "−"], "*": ["*", "×"], "/": ["/", "÷"], "//": ["//"]}


@st.composite
def numbers(draw):
    whole = draw(st.integers(0, 10**7))
    text = draw(st.sampled_from([f"{whole}", f"{whole:,}", f"{whole}.5", f"{whole}e2"]))
    return text, Fraction(text.replace(",", "")), 3


@st.composite
def operations(draw, children):
    operator = draw(st.sampled_from(list(SIGNS)))
    (left, a, left_level), (right, b, right_level) = draw(children), draw(children)
    level = 0 if operator in "+-" else 1
    left = left if left_level >= level else f"({left})"
    right = right if right_level > level else f"({right})"
    space, sign = draw(SPACES), draw(st.sampled_from(SIGNS[operator]))
    if operator in ("/", "//") and b == 0:
        return left, a, max(left_level, level)
    value = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "/": lambda: a / b,
        "//": lambda: Fraction(a // b),
    }[operator]()
    return f"{left}{space}{sign}{space}{right}", value, level


@st.composite
def wrapped(draw, children):
    text, value, level = draw(children)
    if draw(st.booleans()):
        return f"({draw(SPACES)}{text}{draw(SPACES)})", value, 3
    return f"-{text}" if level >= 2 else f"-({text})", -value, 2


expressions = st.recursive(
    numbers(), lambda inner: operations(inner) | wrapped(inner), max_leaves=8
).filter(lambda expression: len(expression[0]) <= MAX_CHARS)


@given(expressions, SPACES)
def test_an_expression_has_its_exact_value(expression, space):
    text, value, _ = expression
    assert evaluate(f"{space}{text}{space}") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14),
        ("10 - 4 - 3", 3),
        ("24 / 4 / 2", 3),
        ("7 // 2 * 2", 6),
        ("-7 // 2", -4),
        ("2 ^ 3 ^ 2", 512),  # to the right, as in Python
        ("2 ** 3", 8),
        ("-2 ^ 2", -4),
        ("(-2) ^ 2", 4),
        ("2 ^ -2", Fraction(1, 4)),
        ("2 - -3", 5),
        ("1,200 × 3 ÷ 9 − 1", 399),
        (".5 + 1e-1", Fraction(3, 5)),
        ("0.1 + 0.2", Fraction(3, 10)),
    ],
)
def test_precedence_is_that_of_python(text, value):
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a number, found ''"),
        ("2 +", "expected a number, found ''"),
        ("(1 + 2", "unclosed parenthesis"),
        ("1 + 2)", "unexpected '\\)'"),
        ("1 2", "unexpected '2'"),
        ("1,23", "unexpected ','"),
        ("3 apples", "unexpected"),
        ("1 / (2 - 2)", "division by zero"),
        ("1 // 0", "division by zero"),
        ("0 ^ -1", "division by zero"),
        ("4 ^ 0.5", "exponent 1/2 is not an integer"),
    ],
)
def test_what_is_no_arithmetic_says_why(text, message):
    with pytest.raises(NotArithmetic, match=message):
        evaluate(text)


def test_length_is_bounded():
    longest = "+".join("1" * (MAX_CHARS // 2))
    assert evaluate(longest) == MAX_CHARS // 2
    with pytest.raises(NotArithmetic, match=f"longer than {MAX_CHARS}"):
        evaluate(longest + "+1")


@pytest.mark.parametrize("pair", ["()", "-"])
def test_depth_is_bounded(pair):
    def nested(depth):
        return pair[0] * depth + "1" + pair[1:] * depth

    assert abs(evaluate(nested(MAX_DEPTH))) == 1
    with pytest.raises(NotArithmetic, match=f"deeper than {MAX_DEPTH}"):
        evaluate(nested(MAX_DEPTH + 1))


def test_powers_are_bounded():
    assert evaluate(f"2^{MAX_EXPONENT}") == 2**MAX_EXPONENT
    for text in (f"2^{MAX_EXPONENT + 1}", f"2^-{MAX_EXPONENT + 1}", "9^9^9"):
        with pytest.raises(NotArithmetic, match=f"integer up to {MAX_EXPONENT}"):
            evaluate(text)


@pytest.mark.parametrize("text", ["(9^64)^64", "1e999 * 1e999", "1e-999 * 1e-999"])
def test_values_are_bounded(text):
    with pytest.raises(NotArithmetic, match="too large"):
        evaluate(text)


@given(st.text(max_size=60) | st.text("0123456789.,eE+-*/^()×÷− ", max_size=60))
def test_any_text_is_a_number_or_not_arithmetic(text):
    with contextlib.suppress(NotArithmetic):
        assert isinstance(evaluate(text), Fraction)
