"""Masked steps and questions: what is missing is the target, and nothing shows the gold answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.ports import Done
from mdexp.records import Transcript
from mdexp.thoughts.prose_steps import steps_of
from mdexp.transcripts.opening import asked
from tests.contract.conftest import plugin

QUESTION = "Ann has 3 bags of 4 pens and 17 clips. How many pens has she?"
CHAIN = "Ann has 3 bags.\nEach has 4 pens.\nSo she has 3 * 4 = 12 pens."


def lesson(name, question=QUESTION, chain=CHAIN, answer=12, sample=0, **options):
    transcript = Transcript(
        problem_id="p", thought=name, sample=sample, segments=(asked(question),)
    )
    thought = plugin("thought", name, **options)
    return thought.lesson(transcript, Done(text=chain, answer=answer, status="ok"))


@given(sample=st.integers(0, 50))
def test_masked_steps_are_the_target(sample):
    question, cue, text = lesson("states", sample=sample)
    assert question.text == QUESTION and text.scored and not cue.scored
    shown = cue.text.split("\n", 2)[2]
    steps, gone = [s.strip() for s in steps_of(CHAIN)], text.text.split("\n")
    assert 1 <= len(gone) <= 2 and shown.count("[MASK]") == len(gone)
    rest = iter(gone)
    filled = [next(rest) if line == "[MASK]" else line for line in shown.split("\n")]
    assert [line.replace("?", "12") for line in filled] == steps


@given(sample=st.integers(0, 50))
def test_masked_numbers_of_the_question_are_the_target(sample):
    question, cue, text = lesson("restore", sample=sample)
    restored = question.text
    for number in text.text.split("\n"):
        restored = restored.replace("[MASK]", number, 1)
    assert restored == QUESTION and question.text != QUESTION
    assert "So she has 3 * 4 = ? pens." in cue.text, "the gold answer is hidden in the chain"


def test_words_are_masked_where_there_are_no_numbers():
    question, _, text = lesson("restore", "Can whales fly?", "Whales swim.", "no")
    assert text.text in ("Can", "whales", "fly") and question.text.count("[MASK]") == 1


@pytest.mark.parametrize("name", ["states", "restore"])
def test_the_control_writes_the_solution_behind_the_same_input(name):
    masked, control = lesson(name), lesson(name, target="solution")
    assert masked[:2] == control[:2]
    assert control[2].text == f"{CHAIN}\nThe answer is 12."


@pytest.mark.parametrize("name", ["states", "restore"])
def test_an_empty_chain_is_no_lesson(name):
    assert lesson(name, chain="") == ()
    assert plugin("thought", name).max_writes == 0
