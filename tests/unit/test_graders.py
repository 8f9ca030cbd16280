"""Graders: the same attempts under each rule, and where the rules part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.answers import correct
from mdexp.ports import Attempt
from tests.parts import GRADERS as PARTS

GRADERS = list(PARTS)


def right_by(answer, gold, said=""):
    return [g for g in GRADERS if PARTS[g].is_right(Attempt(answer, said), gold)]


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        (18, 18, GRADERS),
        ("$18.00", 18, GRADERS),
        (17, 18, []),
        (18.4, 18, ["pad"]),
        (18.0005, 18, ["pad", "xot"]),
        (18.0000001, 18, ["strict", "lenient", "pad", "xot"]),
        (18.001, 18, ["pad"]),  # not less than 1e-3 away
        (0.5, 0, ["pad"]),  # a half rounds to the even number
        (1.5, 1, []),
        (2.4, 2.5, ["pad"]),  # gold is cut off to 2
        (0.333, 1 / 3, ["strict", "lenient", "pad", "xot"]),
        ("1/3", 1 / 3, GRADERS),
        (0.1 + 0.2, 0.3, ["strict", "lenient", "pad", "xot"]),
        ("yes", True, GRADERS),
        ("yes", 1, []),
        (None, 18, []),
        ("nonsense", 18, []),
    ],
)
def test_where_the_graders_part(answer, gold, right):
    assert right_by(answer, gold) == right


@pytest.mark.parametrize(
    ("said", "gold", "right"),
    [
        ("The answer is 18, after 3 days.", 3, True),
        ("The answer is 18, after 3 days.", 18, False),
        ("He pays $1,200.", 1200, True),
        ("17\n18\n", 18, True),
        ("no number", 7, True),  # then the answer itself
    ],
)
def test_lenient_takes_the_last_number_said(said, gold, right):
    assert PARTS["lenient"].is_right(Attempt(7, said), gold) is right


def test_lenient_finds_a_number_where_the_thought_read_no_answer():
    assert PARTS["lenient"].is_right(Attempt(None, "so 18 it is, I think 18"), 18)
    assert not PARTS["strict"].is_right(Attempt(None, "so 18 it is, I think 18"), 18)


@pytest.mark.parametrize(
    ("answer", "gold", "said"),
    [
        ("yes", True, "It is 3 pm and 5 > 2, so yes."),
        ("no", True, "1"),
        ("(b)", "B", "Of the 4 options (b) is right, not 3."),
        (None, "no", "0"),
        ("1", "yes", "yes, 1 of them"),
    ],
)
def test_where_no_number_is_asked_lenient_is_strict_whatever_numbers_the_prose_has(
    answer, gold, said
):
    seen = Attempt(answer, said)
    assert PARTS["lenient"].is_right(seen, gold) is PARTS["strict"].is_right(seen, gold)
    assert PARTS["lenient"].read(seen, gold) == answer


@pytest.mark.parametrize("grader", ["strict", "pad", "xot", "dss"])
def test_only_lenient_reads_for_itself(grader):
    assert PARTS[grader].read(Attempt(7, "or 18"), 18) == 7
    assert PARTS["lenient"].read(Attempt(7, "or 18"), 18) == "18"


@given(
    st.integers(-999, 999) | st.floats(-99, 99, allow_nan=False),
    st.integers(-99, 99),
)
def test_strict_is_the_rule_of_the_votes(answer, gold):
    assert PARTS["strict"].is_right(Attempt(answer, ""), gold) is correct(answer, gold)


@given(st.integers(-999, 999), st.integers(-999, 999))
def test_whole_numbers_are_never_in_dispute(answer, gold):
    assert right_by(answer, gold) in ([], GRADERS)


@given(st.integers(-999, 999))
def test_an_exact_answer_is_right_under_each(gold):
    assert right_by(gold, gold) == GRADERS
