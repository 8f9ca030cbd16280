"""Marks before steps: which kind a step is, and that reading takes the marks away again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mdexp.ports import Done, Seen
from mdexp.records import Transcript
from mdexp.thoughts.planning import kinds_of
from mdexp.thoughts.prose_steps import steps_of
from mdexp.transcripts.driver import written
from mdexp.transcripts.opening import asked
from tests.contract.conftest import plugin

START = Transcript(problem_id="p", thought="planning", sample=0, segments=(asked("How many?"),))
SENTENCES = st.lists(
    st.sampled_from(
        ["Ann has 3 + 4 = 7 pens.", "That is $2.50 * 7", "So it is half.", "1. Add 3.5 and 4!", "x"]
    ),
    max_size=5,
)


@pytest.mark.parametrize(
    ("step", "kinds"),
    [
        ("Ann has 3 + 4 = 7 pens.", ["addition"]),
        ("3 pens + 4 pens - 2 is 5.", ["addition", "subtraction"]),
        ("12 ÷ 4 × 2 / 3 = 2", ["division", "multiplication"]),
        ("That is <<3*4=12>>12, not 3 - 4.", ["multiplication"]),
        ("A well-known pen - it is red.", ["assignment"]),
        ("There are 3 bags.", ["assignment"]),
        ("The price is $4 - $3.", ["subtraction"]),
    ],
)
def test_a_step_is_of_the_kinds_of_its_operators(step, kinds):
    assert kinds_of(step) == kinds


@given(text=st.text("ab1.? \n", max_size=30))
def test_steps_are_the_whole_text(text):
    assert "".join(steps_of(text)) == text


def test_steps_are_sentences_and_lines():
    assert steps_of("1. Take 2.5 of it. Add.\nSo: 3\n\nThe end") == [
        "1. Take 2.5 of it.",
        " Add.",
        "\nSo: 3",
        "\n\nThe end",
    ]


def test_each_step_is_marked_and_the_answer_last():
    planning = plugin("thought", "planning")
    done = Done(text="Ann has 3 bags. She has 3 * 4 = 12 pens.", answer=12, status="ok")
    *_, text = planning.lesson(START, done)
    assert text.scored and text.text == (
        "[assignment] Ann has 3 bags. [multiplication] She has 3 * 4 = 12 pens.\n"
        "[answer] The answer is 12."
    )


@pytest.mark.parametrize("words", [None, "thing"])
@given(sentences=SENTENCES, between=st.sampled_from([" ", "\n", "\n\n"]))
def test_reading_takes_the_marks_away(words, sentences, between):
    planning = plugin("thought", "planning")
    if words:
        planning = planning.model_copy(update={"words": dict.fromkeys(planning.words, words)})
    chain = between.join(sentences)
    *_, text = planning.lesson(START, Done(text=chain, answer=12, status="ok"))
    assert text.text.count("[") == len(steps_of(chain)) + 1
    done = planning.next(written(text.text), Seen())
    assert isinstance(done, Done) and done.answer == "12" and done.text == chain.strip()


def test_meaningless_words_are_as_many():
    planning = plugin("thought", "planning")
    control = planning.model_copy(update={"words": dict.fromkeys(planning.words, "thing")})
    done = Done(text="She has 3 * 4 + 1 = 13 pens.", answer=13, status="ok")
    marked, meaningless = (t.lesson(START, done)[-1].text for t in (planning, control))
    assert len(marked.split()) == len(meaningless.split())
    assert "multiplication" in marked and "multiplication" not in meaningless


def test_every_kind_has_a_word():
    words = {**plugin("thought", "planning").words, "answer": " "}
    with pytest.raises(ValidationError, match="no word for answer"):
        plugin("thought", "planning", words=words)


def test_marks_are_new_tokens_that_begin_as_their_words():
    planning = plugin("thought", "planning", tokens_per_kind=2)
    assert planning.new_tokens["[addition 1]"] == planning.new_tokens["[addition 2]"] == "addition"
    assert len(planning.new_tokens) == 2 * 6
    done = Done(text="She has 3 * 4 + 1 = 13 pens.", answer=13, status="ok")
    *_, text = planning.lesson(START, done)
    assert text.text == (
        "[multiplication 1][multiplication 2][addition 1][addition 2] She has 3 * 4 + 1 = 13 pens."
        "\n[answer 1][answer 2] The answer is 13."
    )
    read = planning.next(written(text.text), Seen())
    assert isinstance(read, Done) and (read.text, read.answer) == (done.text, "13")


def test_meaningless_tokens_are_as_many():
    planning = plugin("thought", "planning", tokens_per_kind=3)
    control = planning.model_copy(update={"words": dict.fromkeys(planning.words, "thing")})
    done = Done(text="She has 3 * 4 + 1 = 13 pens.", answer=13, status="ok")
    marked, meaningless = (t.lesson(START, done)[-1].text for t in (planning, control))
    assert marked.count("[") == meaningless.count("[") == 9
    assert list(control.new_tokens) == ["[thing 1]", "[thing 2]", "[thing 3]"]


def test_marks_of_words_bring_no_tokens_and_leave_keys_as_they_were():
    planning = plugin("thought", "planning")
    assert planning.new_tokens == {} and "tokens_per_kind" not in planning.model_dump()
    assert plugin("thought", "planning", tokens_per_kind=1).model_dump()["tokens_per_kind"] == 1
