"""Thoughts: how recorded endings are read, what is trained on, where a growing text is complete."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.answers import canonical
from mdexp.records import Expected, Problem
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.label import Label
from mdexp.thoughts.pot import ProgramOfThought
from mdexp.transcripts.prompting import load_exemplars
from tests.read_texts import answer_of

COT = ChainOfThought(instruction="", cue="")
LABEL = Label(instruction="", cue="")
POT = ProgramOfThought(instruction="", cue="")


def expected_of(gold):
    return Problem(id="", dataset="", split="train", question="", answer=gold).expected


@pytest.mark.parametrize(
    ("text", "answer", "reasoning"),
    [
        (
            "A: He halves 84.\nThe answer is (84 / 2).\n\nQ: And 9?\nA: The answer is 7.",
            "42",
            "He halves 84.",
        ),
        ("He has 990.\n#### 990", "990", "He has 990."),
        ("#### 1,234", "1234", ""),
        ("All of them.\nans = 9", "9", "All of them."),
        ("Add up. ans = 4 + 5 = 9", "9", "Add up."),
        ("In all <203>. The answer is <203>.", "203", "In all <203>."),
        ("Take 11. The answer is 12 - 11 = 1.", "1", "Take 11."),
        ("Take 11. The answer is 12 - 11.", "1", "Take 11."),
        (
            "Given:\n3 and 4\nAnswer:\nIn all 7 dollars",
            "7",
            "Given:\n3 and 4\nAnswer:\nIn all 7 dollars",
        ),
        ("Add.\n**Answer:** 7 apples", "7", "Add."),
        (
            "So it is: the answer is 5. No, so the answer is 6.",
            "6",
            "So it is: the answer is 5. No",
        ),
        ("Four, so the answer (arabic numerals) is $4.50.", "4.5", "Four"),
        ("The answer is 7 apples, since 3 + 4.", "7", ""),
        ("The answer is <<3+4=7>>7.", "7", ""),
        ("Therefore, the final answer is −5.", "-5", ""),
        ("There are 12 - 5 = 7", "7", "There are 12 - 5 = 7"),
        ("From 10-3 he keeps 7.", "7", "From 10-3 he keeps 7."),
        ("Half more. The answer is 1 1/2.", "1.5", "Half more."),
        ("Half more. The answer is 1 1/2 cups or 3 halves.", None, "Half more."),
        (r"Half. The answer is $\frac{1}{2}$.", "0.5", "Half."),
        (r"Half. The answer is \(1\dfrac{1}{2}\).", "1.5", "Half."),
        (r"So he keeps 2 3/4 cups", "2.75", "So he keeps 2 3/4 cups"),
        ("Nobody can tell.", None, "Nobody can tell."),
        ("The answer is unknown.", None, "The answer is unknown."),
        ("", None, ""),
    ],
)
def test_prose_is_read_by_its_last_statement(text, answer, reasoning):
    reading = COT.read(text, Expected())
    assert (canonical(reading.answer), reading.text) == (answer, reasoning)
    assert reading.program is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [("The answer is 5.", "5"), ("7", "7"), ("Answer: yes", "yes"), ("A: no", "no"), ("?", None)],
)
def test_a_label_is_an_answer_without_reasoning(text, answer):
    reading = LABEL.read(text, expected_of(answer or 7))
    assert (canonical(reading.answer), reading.text) == (answer, "")


# Ordinary sentences, and the answers that a verified path may lead to.
reasonings = st.lists(
    st.sampled_from(["He has 3.", "Add 4 to 3: 3 + 4 = 7.", "It costs $1.50", "So, half is left"])
).map("\n".join)
verified = (
    st.integers(-(10**6), 10**6)
    | st.floats(-1e6, 1e6)
    | st.sampled_from(["yes", "no", True, "(B)", "$1.", "(84 / 2)", "1/3", "1,234"])
)


@given(reasonings, verified)
def test_a_target_reads_as_the_path_and_answer_that_it_was_made_of(reasoning, answer):
    expected = expected_of(answer)
    reading = COT.read(COT.target(reasoning, answer), expected)
    assert (reading.text, canonical(reading.answer)) == (reasoning.rstrip(), canonical(answer))
    label = LABEL.read(LABEL.target(reasoning, answer), expected)
    assert canonical(label.answer) == canonical(answer)


def test_a_target_states_the_verified_answer_once():
    assert COT.target("Halve it.", "(84 / 2)") == "Halve it.\nThe answer is 42."
    assert COT.target("", 42.0) == LABEL.target("Halve it.", 42.0) == "The answer is 42."


@pytest.mark.parametrize("thought", [COT, LABEL])
@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("Half of 8 is 4.", None),
        ("Half.\nThe answer is 4", None),  # it may become 42
        ("Half.\nThe answer is 4.\nNo, wait", None),  # it may state another one
        ("Half.\nAnswer:\nIt is 4", None),
        ("It is 4.\n\nQ: And 9?", "It is 4."),
        ("It is 4.\nQuestion: And 9?", "It is 4."),
    ],
)
def test_prose_is_complete_before_an_invented_next_question(thought, text, complete):
    assert thought.complete(text) == complete


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("a = 1\nans = a", None),
        ("a = 1\nans = a\n", None),
        ("a = 1\n\nb = 2", None),
        ("ans = 0\n\nans += 2\n", None),  # a program may bind it again
        ("Look:\n```python\nans = 1\n", None),
        ("```python\nb = 1\n```\nThis", None),  # another block may go on or correct it
        ("b = 1\nQ: And 9?", "b = 1"),
        ("\n\nQ: And 9?\nans = 9", None),  # there is nothing before it to be complete
        ("def solution():\n    '''How many?\n\nQ: three", None),
        ("s = '''\n\nQ: b'''\nans = len(s)\n\nQ: c", "s = '''\n\nQ: b'''\nans = len(s)"),
    ],
)
def test_a_program_is_complete_before_an_invented_question(text, complete):
    assert POT.complete(text) == complete


@given(st.text(max_size=40))
def test_no_text_breaks_a_thought(text):
    for thought in (COT, LABEL, POT):
        reading = thought.read(text, Expected())
        assert reading.answer is None or canonical(reading.answer) is not None
        assert text.startswith(thought.complete(text) or "")


def test_exemplars_read_as_their_answers():
    for row in load_exemplars():
        assert canonical(COT.read(answer_of(COT.exemplar(row)), Expected()).answer) == canonical(
            row["answer"]
        )
        assert canonical(
            LABEL.read(answer_of(LABEL.exemplar(row)), Expected()).answer
        ) == canonical(row["answer"])
        assert POT.read(answer_of(POT.exemplar(row)), Expected()).program == row["pot"]


def test_only_a_question_on_a_line_of_its_own_is_a_run_on():
    text = "He takes option Q: 5 pens.\nThe answer is 5."
    assert COT.complete(text) is None
    assert (
        canonical(COT.read(f"{text} \n \n  Question : And 9?\nThe answer is 7.", Expected()).answer)
        == "5"
    )
