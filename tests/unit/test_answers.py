"""Answers: what is equal, what is no answer, and when an answer meets gold."""

import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mdexp.answers import LARGEST, MAX_CHARS, canonical, correct, parse, plain

texts = st.text(max_size=30) | st.text("0123456789.,eE+-−*/^()$% yesno", max_size=30)
numbers = st.integers() | st.floats() | st.integers(-(10**400), 10**400)
answers = st.none() | st.booleans() | numbers | texts


@given(answers)
@example("1e299")
@example("(B)")
@example(-1e-9)
@example(9.999999e299)
def test_a_canonical_answer_is_its_own_canonical_answer(answer):
    key = canonical(answer)
    assert canonical(key) == key


@given(answers, answers, answers)
def test_answers_are_grouped_by_an_equivalence(a, b, c):
    same = {
        (x, y): canonical(v) == canonical(w)
        for x, v in zip("abc", (a, b, c), strict=True)
        for y, w in zip("abc", (a, b, c), strict=True)
    }
    assert all(same[x, x] for x in "abc")
    assert same["a", "b"] == same["b", "a"]
    assert not (same["a", "b"] and same["b", "c"]) or same["a", "c"]


@given(st.integers(-(10**9), 10**9))
def test_a_whole_number_is_the_same_however_it_is_written(number):
    forms = [number, float(number), f"{number:,}", f"{number}.00", f"${number}", f"{number}%"]
    forms += [f" {number} dollars.", f"**{number}**", f"({number})", f"{number * 3}/3"]
    forms += [f"{number}e0", str(number).replace("-", "−")]
    assert {canonical(form) for form in forms} == {str(number)}


@given(st.floats(-1e15, 1e15))
def test_a_float_equals_the_text_of_it(number):
    assert canonical(number) == canonical(repr(number))


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4))
def test_fractions_are_rounded_to_six_decimals(above, below):
    key = canonical(f"{above}/{below}")
    assert abs(Fraction(key) - Fraction(above, below)) <= Fraction(1, 2 * 10**6)
    assert not key.endswith(".") and key != "-0"


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("1e3", "1000"),
        ("$29.00", "29"),
        ("-$5", "-5"),
        ("50%", "50"),
        ("50 %", "50"),
        ("1/2", "0.5"),
        ("1/3", "0.333333"),
        ("1 1/2", "1.5"),
        ("-1 1/2 cups", "-1.5"),
        ("2 * 1 1/2", "3"),
        ("8 / 1 1/2", None),  # by 3/2, or by 1 and the rest?
        ("1 2 1/2", None),
        ("3 1/2/3", None),
        ("2 3/0", None),
        (r"\frac{1}{2}", "0.5"),
        (r"-\frac{1}{2}", "-0.5"),
        (r"$2\dfrac{3}{4}$ miles", "2.75"),
        (r"\tfrac{1,200}{2.5}", "480"),
        (r"8/\frac{1}{2}", None),
        (r"\frac{1}{0}", None),
        ("1,234", "1234"),
        ("1,23", None),
        ("(84 / 2)", "42"),
        ("2^10", "1024"),
        ("12 - 11", "1"),
        ("2023-24", None),
        ("−5", "-5"),
        ("- 5", "-5"),
        ("-0.0", "0"),
        (".5", "0.5"),
        ("51 dollars", "51"),
        ("51 dollars and 2 cents", None),
        ("5 / 10 apples", "0.5"),
        ("1/0", None),
        ("3:15", None),
        ("Yes.", "yes"),
        ("False", "no"),
        (True, "yes"),
        (False, "no"),
        ("(B)", "b"),
        ("b)", "b"),
        ("B", "b"),
        ("K", None),
        ("five", None),
        ("", None),
        ("nan", None),
        (math.nan, None),
        (-math.inf, None),
        (None, None),
    ],
)
def test_the_canonical_answer(answer, key):
    assert canonical(answer) == key


@pytest.mark.parametrize(
    "answer",
    ["1e400", "9" * MAX_CHARS, "9" * 10**6, "1e3" + " " * MAX_CHARS, "9^64^64", 10**5000, LARGEST],
    ids=["scientific", "digits", "long", "blanks", "power", "int", "largest"],
)
@pytest.mark.timeout(10)  # 9^64^64 written out would take longer than anybody waits
def test_what_is_huge_is_no_answer(answer):
    assert canonical(answer) is None
    assert not correct(answer, 1)


@given(texts)
def test_no_text_has_a_long_canonical_answer(text):
    assert len(canonical(text) or "") < MAX_CHARS


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        (1501, 1500, False),  # within a tenth of a percent is not equal
        ("50%", 50, True),
        ("50%", 0.5, False),
        (3.000001, 3, True),
        (3.0001, 3, False),
        (3.0001, "3.0", False),
        (0.3341, 1 / 3, True),
        (0.335, 1 / 3, False),
        ("1/3", 0.33, True),  # after rounding to gold's decimals
        ("1/3", "0.33", True),
        (0.336, 0.33, False),
        (2.46, 2.5, True),
        (2.44, 2.5, False),
        (0.3, 0.1 + 0.2, True),
        ("yes", True, True),
        ("no", "yes", False),
        ("1", "yes", False),
        ("(b)", "B", True),
        ("3:15 pm", "3:15 pm", False),  # neither has a value; datasets refuse such a gold
        ("5", "3:15 pm", False),
        (None, 0, False),
        ("", 0, False),
        (math.nan, "nan", False),
    ],
)
def test_whether_an_answer_meets_gold(answer, gold, expected):
    assert correct(answer, gold) is expected


@given(answers, answers)
@example("3:15 pm", "3:15 pm")
def test_what_no_vote_can_elect_is_never_correct(answer, gold):
    if correct(answer, gold):
        assert canonical(answer) is not None


@given(numbers.filter(lambda gold: canonical(gold) is not None), st.floats(-2e-6, 2e-6))
@example(0.5, 1e-6)
@example(0, 5e-7)
def test_an_answer_of_the_same_group_as_gold_is_correct(gold, change):
    assert correct(gold, gold)
    for answer in (canonical(gold), gold + change if abs(gold) < 1e6 else gold):
        if canonical(answer) == canonical(gold):
            assert correct(answer, gold)


@given(st.decimals(-1000, 1000, places=2))
def test_a_decimal_rounded_from_a_longer_one_is_correct(gold):
    if gold != gold.to_integral_value():
        assert correct(f"{gold}4", float(gold))


@given(answers.filter(lambda answer: canonical(answer) is not None))
def test_a_plain_answer_reads_as_the_answer(answer):
    assert canonical(plain(answer)) == canonical(answer)


def test_a_plain_answer_that_is_no_value_stands_as_it_is():
    assert plain(" 3:15 pm ") == "3:15 pm"


@given(texts)
def test_every_text_has_a_value_or_none(text):
    assert isinstance(parse(text), Fraction | str | None)
