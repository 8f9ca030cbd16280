"""What prose states: where a person finds it, of the kind that is asked for, however it is cut."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.answers import canonical
from mdexp.records import Expected
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.label import Label

COT = ChainOfThought(instruction="", cue="")
LABEL = Label(instruction="", cue="")
NUMBER, YES_NO, OPTIONS = (Expected(kind=kind) for kind in ("number", "yes_no", "options"))


def read(text, expected=NUMBER):
    return canonical(COT.read(text, expected).answer)


@pytest.mark.parametrize(
    "text",
    [
        "Add: 3 + 5.\n\nThe final answer is:\n\\[\n\\boxed{8}\n\\]",
        "Add: 3 + 5.\n\nThe answer is:\n\n**8**",
        "Add: 3 + 5.\n\n**Final Answer**\n\n\\boxed{8}",
        "**Final Answer:**\nTom has **8 pens** in his 2 boxes.",
        "**Final Answer:**\nTom has 8 pens in his 2 boxes.",
        "So $3 + 5 = \\boxed{8}$ pens for 2 boys.",
        "That makes \\fbox{8} pens for 2 boys.",
        "Three and 5 pens.\n\n**8 pens**",
        "The answer is 8. Check: 8 - 5 = 3, so our answer is correct.",
        "#### Step 1: Add\nHe has 3.\n#### Step 2: 3 + 5 is 8",
        "#### 1. Count the 5 pens\n3 + 5\n#### 8",
        '{"reasoning": "3 and 5", "answer": 8, "confidence": 0.9}',
        "The answer is 8, since 3 + 5 is that.",
        "The answer is 8 pens (3 old and 5 new ones).",
        "The answer is 8 pens in 2 boxes.",
        "The answer to the question is 8.",
        "Answer:\nAfter 3 more days he has 8 pens.",
        "Answer:\nHis 2 boxes hold them. So he has 8 pens.",
        "The answer is that each of the 2 boys has 8 pens.",
    ],
)
def test_a_stated_number_is_found_where_a_person_finds_it(text):
    assert read(text) == "8"


@pytest.mark.parametrize(
    "value",
    [
        "3 hours 20 minutes",
        "3:20",
        "3:4",
        "between 3 and 4",
        "from 3 to 4",
        "3 or 4",
        "3 and 4",
        "3, 4",
        "3 pens and 4 books",
        "that Tom has 3 pens and 4 books",
        "2 cups of sugar and 4 cups of flour",
        "3 and a half",
        "3–4",
    ],
)
def test_what_is_no_single_value_is_not_read_by_its_first_number(value):
    assert read(f"He has 7.\nThe answer is {value}.") is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("Rs. 700", "700"),
        ("Rs.700", "700"),
        ("approx. 700 m", "700"),
        ("$9{,}700$", "9700"),
        (r"\(13\,000\)", "13000"),
        ("13,57,246 rupees", "1357246"),
        ("1 357 km", "1357"),
        (r"$\frac34$", "0.75"),
        (r"\boxed{\dfrac{3}{4}}", "0.75"),
        ("3½ hours", "3.5"),
        ("3 and 1/2 cups", "3.5"),
        ("–7", "-7"),
        ("−7", "-7"),
        ("negative 7", "-7"),
        ("7 × 10³", "7000"),
        (r"$7.5 \times 10^{3}$ m", "7500"),
        ("７０", "70"),
        ("٧٠", "70"),
        ("7 m²", "7"),
        ("x = 7", "7"),
    ],
)
def test_numbers_are_read_as_people_and_latex_write_them(value, number):
    assert read(f"He had 5.\nThe answer is {value}.") == number


@pytest.mark.parametrize(
    ("text", "number"), [("他一共有70个苹果。", "70"), ("Er zahlt Rs.700", "700")]
)
def test_the_last_number_may_stand_beside_letters_of_another_script(text, number):
    assert read(text) == number


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Cats hunt.\n\n**Yes**, a cat eats birds.", "yes"),
        ("The answer is (no).", "no"),
        ("The answer is True", "yes"),
        ("Answer: No, because 5 < 7.", "no"),
        ("It is small.\nStep 2: No, it does not fit into 3 boxes.", "no"),
        ("Therefore, yes.", "yes"),
        ("Answer:\n\nNo, it is too small. It has but 3 legs.", "no"),
        (r"So $\boxed{\text{No}}$", "no"),
        ("yes", "yes"),
        ("The answer is 5.", None),
        ("There are 3 of them.", None),
        ("There is no way to tell. The answer is no one.", None),
    ],
)
def test_yes_and_no_are_read_with_words_behind_them_and_a_number_never_is(text, answer):
    assert read(text, YES_NO) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is B) 8 pens", "b"),
        ("The answer is (C).", "c"),
        ("The answer is A because 3 + 5 = 8.", "a"),
        (r"The answer is $\boxed{\text{D}}$.", "d"),
        (r"\boxed{B}", "b"),
        ("Answer: option E", "e"),
        ("The answer is A pen.", None),
        ("The answer is 8.", None),
    ],
)
def test_options_are_read_by_their_letter(text, answer):
    assert read(text, OPTIONS) == answer


def test_an_option_may_be_stated_by_the_text_behind_it():
    expected = Expected(kind="options", options=("7 pens", "8 pens", "red"))
    assert read("The answer is 8 pens.", expected) == "b"
    assert read("The answer is Red.", expected) == "c"
    assert read("The answer is 9 pens.", expected) is None


@pytest.mark.parametrize(
    ("text", "reasoning"),
    [
        ("The answer is 8.\n\nHe has 3 and 5 more.", "He has 3 and 5 more."),
        ("**Answer: 8**\n\nHe has 3 and 5 more.", "He has 3 and 5 more."),
        ("He has 3 and 5 more.\nThe answer is 8.\nCheck: 8 - 5 = 3.", "He has 3 and 5 more."),
        ("He has 3 + 5.\n\\[\n\\boxed{8}\n\\]", "He has 3 + 5."),
        ("So $3 + 5 = \\boxed{8}$ pens.", "So $3 + 5 = 8$ pens."),
        ("He has 3 + 5.\nThe answer is $\\boxed{8}$ pens.", "He has 3 + 5."),
        ("He has 3 + 5.\nSo the answer is: **8**", "He has 3 + 5."),
        ("He has 3 + 5.\n\n**8 pens**", "He has 3 + 5."),
    ],
)
def test_the_reasoning_is_kept_on_whichever_side_of_the_answer_it_stands(text, reasoning):
    assert COT.read(text, NUMBER).text == reasoning


# Texts of models, in pieces: statements, headings, decoys, and where one runs on.
PIECES = [
    "He has 3.",
    "The answer is 8.",
    "So the answer is 5, I think",
    "The answer is correct.",
    "\\boxed{8}",
    "**8**",
    "#### 8",
    "#### Step 2",
    "Answer:",
    "A: ",
    "Yes, it is.",
    "(B)",
    "12 or 13",
    "Q: And 9?",
    "\nQuestion: How many?",
    "question : 4",
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).flatmap(
    lambda parts: st.sampled_from(["\n", " ", "\n\n", " \n "]).map(lambda gap: gap.join(parts))
)
KINDS = st.sampled_from([NUMBER, YES_NO, OPTIONS, Expected(kind="text")])


def assert_cut_changes_nothing(text, expected):
    for thought in (COT, LABEL):
        cut = thought.complete(text)
        if cut is not None:
            assert text.startswith(cut)
            assert thought.read(cut, expected) == thought.read(text, expected)


@given(texts, KINDS)
def test_reading_the_cut_text_gives_what_reading_the_whole_text_gives(text, expected):
    assert_cut_changes_nothing(text, expected)


@given(texts, KINDS)
def test_a_growing_text_is_cut_where_the_whole_one_is(text, expected):
    whole = COT.complete(text)
    cuts = {COT.complete(text[:end]) for end in range(len(text) + 1)}
    assert cuts <= {None, whole}


@pytest.mark.skipif("MDEXP_DATA" not in os.environ, reason="needs the recorded texts of teachers")
def test_recorded_texts_read_the_same_when_they_are_cut():
    for file in Path(os.environ["MDEXP_DATA"]).glob("teacher/*-cot*.jsonl"):
        expected = YES_NO if "strategyqa" in file.name else NUMBER
        for line in file.open(encoding="utf-8"):
            assert_cut_changes_nothing(json.loads(line)["completion"], expected)


DECOYS = st.sampled_from(
    [
        "First count the 3 pens.",
        "#### Step 4: Add",
        "That is 3 + 5.",
        "Is our answer correct? 5 - 3 is 2.",
        "**Step 2**",
        "- 4 boxes of 6",
        "He paid $1.50 at 12:30.",
    ]
)
PLANTED = st.sampled_from(
    [
        "The answer is {}.",
        "The answer is:\n\n{}",
        "**Answer:** {} pens",
        "So the final answer is ${}.",
        "\\[\n\\boxed{{{}}}\n\\]",
        "So he has $\\boxed{{{}}}$ pens.",
        "#### {}",
        "Therefore, the answer is {} pens in 4 boxes.",
    ]
)


@given(st.lists(DECOYS), PLANTED, st.integers(100, 10**7), st.booleans(), st.lists(DECOYS))
def test_a_planted_statement_is_found_among_decoys(before, form, number, commas, after):
    planted = form.format(f"{number:,}" if commas else number)
    assert read("\n".join([*before, planted, *after])) == str(number)


@given(texts, KINDS)
def test_a_path_stays_as_it_is_once_it_is_a_target(text, expected):
    first = COT.read(text, expected)
    if canonical(first.answer) is not None:
        target = COT.target(first.text, first.answer)
        again = COT.read(target, expected)
        assert canonical(again.answer) == canonical(first.answer)
        assert COT.target(again.text, again.answer) == target


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is (G).", "G"),
        ("So it has to be the last.\nThe answer is J) word J.", "J"),
        ("The answer is (I) because nothing else fits.", "I"),
        ("**F**", "F"),
        ("The answer is option H, the heaviest.", "H"),
        ("The answer is I think the first.", None),
        ("The answer is (K).", None),
    ],
)
def test_options_up_to_j_are_read_where_there_are_so_many(text, answer):
    ten = Expected(kind="options", options=tuple(f"word {letter}" for letter in "ABCDEFGHIJ"))
    assert read(text, ten) == (answer and answer.lower())
    five = Expected(kind="options", options=ten.options[:5])
    assert read(text, five) is None
