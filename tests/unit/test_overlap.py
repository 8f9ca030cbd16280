"""Which questions count as the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.datasets.overlap import masked, normalised

QUESTION = "Ann has 3 red pens and buys 4. How many pens does she have?"


@pytest.mark.parametrize(
    "twin",
    [
        "ann has 3 red pens , and buys 4 .  how many pens does she have ?",
        "Ann has 3 red pens and buys 4; how many pens does she have",
    ],
)
def test_spelling_does_not_count(twin: str) -> None:
    assert normalised(twin) == normalised(QUESTION)


@pytest.mark.parametrize(
    "twin",
    [
        "Ann has 17 red pens and buys 1,200. How many pens does she have?",
        "Ann has 2.5 red pens and buys 1/2. How many pens does she have?",
        "Ann has three red pens and buys four. How many pens does she have?",
    ],
)
def test_numbers_do_not_count_when_masked(twin: str) -> None:
    assert masked(twin) == masked(QUESTION)
    assert normalised(twin) != normalised(QUESTION)


@pytest.mark.parametrize(
    "other",
    [
        "Ann has 3 red pens and loses 4. How many pens does she have?",
        "Ann has 3 red pens and buys 4. How many pens does she have now?",
        "Ann has 3 red pens and buys some. How many pens does she have?",
    ],
)
def test_another_word_is_another_question(other: str) -> None:
    assert masked(other) != masked(QUESTION)


@given(st.text(alphabet="aé1२.5 ,-ONE²"))
def test_mask_looks_at_the_normalised_question_only(text: str) -> None:
    assert masked(normalised(text)) == masked(text)
