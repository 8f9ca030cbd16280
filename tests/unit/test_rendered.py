"""Transcripts as tokens: what a student reads in training is what it reads when it goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.records import Lesson, Segment
from mdexp.students.prompts import NotAPrefix, Renderer, TurnsAltered
from mdexp.students.tiny import byte_tokenizer
from mdexp.training.examples import make_examples
from tests.unit.test_examples import tokenizer

TEXTS = st.text("ab 1\n", min_size=1, max_size=8)


def lesson(*segments: Segment) -> Lesson:
    opening = (
        Segment(author="question", text="How many?", turn="user"),
        Segment(author="cue", text="\nThink."),
    )
    return Lesson(
        id="p/t/0",
        problem_id="p",
        thought="t",
        sample=0,
        segments=(*opening, *segments),
        sources=("t/0",),
    )


def said(text: str, *, behind: bool = False, scored: bool = True) -> Segment:
    turn = None if behind else "assistant"
    return Segment(author="writer", text=text, turn=turn, scored=scored)


def cue(text: str, *, behind: bool = False) -> Segment:
    return Segment(author="cue", text=text, turn=None if behind else "user")


@pytest.mark.parametrize("style", ["plain", "chat"])
def test_only_what_the_student_writes_is_scored(style):
    renderer = Renderer(byte_tokenizer(), "causal", style)
    made, unused = make_examples(
        [lesson(said("one"), cue("And?"), said("two"))], renderer, max_tokens=500
    )
    assert not unused
    [example] = made
    scored = [t for t, s in zip(example.target_ids, example.scored(), strict=True) if s]
    end = renderer.tokenizer.eos_token_id
    assert renderer.text(scored) == "onetwo"
    assert scored.count(end) == 2 and example.target_ids[-1] == end
    assert example.num_scored == len(scored)


@pytest.mark.parametrize("style", ["plain", "chat"])
@given(first=TEXTS, asks=TEXTS, second=TEXTS)
def test_training_reads_what_decoding_is_given(style, first, asks, second):
    renderer = Renderer(byte_tokenizer(), "causal", style)
    one = lesson(said(first), cue(asks), said(second))
    [example], _ = make_examples([one], renderer, max_tokens=500)
    given_to = renderer.rendered(
        renderer.opening(one.segments[:2]), one.segments[2:4], ends=False
    ).ids
    whole = example.prompt_ids + example.target_ids
    assert whole[: len(given_to)] == given_to
    assert renderer.text(whole[len(given_to) :]) == second


def test_a_text_that_goes_on_has_no_end_within():
    renderer = Renderer(byte_tokenizer(), "causal", "plain")
    one = lesson(said("run"), cue("[7]", behind=True), said("so 7", behind=True))
    [example], _ = make_examples([one], renderer, max_tokens=500)
    assert example.target == "run[7]so 7"
    assert example.target_ids.count(renderer.tokenizer.eos_token_id) == 1
    assert example.unscored == ((3, 6),)


def test_a_seq2seq_student_has_a_row_for_each_text():
    renderer = Renderer(byte_tokenizer(), "seq2seq", "plain")
    made, _ = make_examples([lesson(said("one"), cue("And?"), said("two"))], renderer, 500)
    assert [example.target for example in made] == ["one", "two"]
    assert "one" in renderer.text(made[1].prompt_ids)
    assert all(not example.unscored for example in made)


def test_a_template_that_drops_earlier_turns_is_refused():
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{{ messages[-1].content }}>"
    renderer = Renderer(tokenizer, "causal", "chat")
    with pytest.raises(TurnsAltered, match=r"drops or alters earlier turns.*student\.prompt=plain"):
        make_examples([lesson(said("one"), cue("And?"), said("two"))], renderer, 500)


def test_a_shared_token_is_refused_in_training_and_split_in_decoding():
    renderer = Renderer(tokenizer(merges=[("a", "b")]), "causal", "plain")
    segments = [said("a"), cue("b", behind=True)]
    with pytest.raises(NotAPrefix):
        renderer.rendered("Q", segments)
    split = renderer.rendered("Q", segments, ends=False, splits=True)
    assert renderer.text(split.ids) == "Qab" and split.num_split == 1
