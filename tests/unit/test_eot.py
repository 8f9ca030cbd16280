"""Equations: which lines of a reply are equations, in which form, and when a text is complete."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.records import Expected
from mdexp.thoughts.eot import EquationOfThought
from mdexp.transcripts.prompting import load_exemplars
from tests.read_texts import answer_of

EOT = EquationOfThought(instruction="", cue="")
SYSTEM = "x + 9 = 15\nans = x"


def read(text: str) -> str:
    reading = EOT.read(text, Expected())
    assert reading.equations == (reading.text or None)
    assert reading.answer is None and reading.program is None
    return reading.text


@pytest.mark.parametrize(
    "text",
    [
        SYSTEM,
        "```\nx + 9 = 15\nans = x\n```",
        "Here it is:\n```text\nx + 9 = 15\nans = x\n```\nSo x = 6.",
        "```\nx + 9 = 15\n```\nand\n```\nans = x\n```",
        "```\nx + 9 = 15\nans = x",
        "% He had some, x.\nx + 9 = 15\n% The question asks for x.\nans = x",
        "# He had some = x\nx + 9 = 15  # in all\n\nans = x\n",
        "Let x = the number of pens.\n1. x + 9 = 15.\n2. ans = x.",
        "- So, x + 9 = 15;\n- Therefore ans = x",
        "We have x + 9 = 15,\nand ans = x.",
        "Equation 1: x + 9 = 15 (in all)\nThe last equation: ans = x",
        "x + 9 = 15\nx = pens sold\nans: x",
        "$x + 9 = 15$\n\\[ans = x\\]",
        "The total is what he had = 15 in all.\nx + 9 = 15\nans = x\n\nThe answer is 6.",
        "ans = x\nx + 9 = 15",
        "x + 9 = 15\nx + 9 = 15\nans = x",
        "A: x + 9 = 15\nans = x\n\nQ: And then?\nA: y = 3\nans = y",
        "x + 9 = 15\r\nans = x\r\n",
        "  x + 9 = 15\n\tans = x",
    ],
)
def test_equations_are_found_and_the_answer_is_last(text: str) -> None:
    assert read(text) == SYSTEM


@pytest.mark.parametrize(
    "line",
    [
        "3(10) + 2x = y",
        "(x + 3) * 2 = 10",
        "-x + 3 = 1",
        "0.5 * total = 20% of price",
        "3 big boxes * 4 pens a box = pens_in_all",
        "5 dollars per hour * x = 20",
        "total pens = 3",
        "x = 25%",
        "x = 5 % 3",
        "now = 7",
        "let - so = 3",
        "2.5 * x = 10",
        "E + I * N = S - lambda",
        "price = $4 * 3",
        "a = b = 5",
        "x = (",
        "= 5",
    ],
)
def test_an_equation_is_left_as_it_is_written(line: str) -> None:
    """Whether it can be solved is for the solver to say: what is broken has to count as broken."""
    assert read(f"{line}\nans = x") == f"{line}\nans = x"


@pytest.mark.parametrize(
    "text",
    ["", "I do not know.", "% x = 5", "Number of pens = unknown", "```\n```", "He has 3 pens.\n\n"],
)
def test_text_without_equations_has_none(text: str) -> None:
    assert read(text) == ""


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("x + 9 = 15", None),
        ("x + 9 = 15\n", None),
        (f"{SYSTEM}", None),
        (f"{SYSTEM}\n\nwhere x = 6", None),  # the equations that `ans` needs may follow
        (f"```\n{SYSTEM}\n```", None),
        ("\n\nQ: x = 3", None),
        ("x + 9 = 15\nQuestion: And", "x + 9 = 15"),
        (f"{SYSTEM}\n\nQ: And y = 3", SYSTEM),
    ],
)
def test_a_text_is_complete_before_an_invented_question(text: str, whole: str | None) -> None:
    assert EOT.complete(text) == whole


def test_what_is_complete_reads_as_the_whole() -> None:
    for row in load_exemplars():
        text = f"```\n{row['eot']}\n```\nSo that is it: y = 3.\n\nQ: And now?\nans = 4"
        whole = EOT.complete(text)
        assert whole is not None and read(whole) == read(text) == answer_of(EOT.exemplar(row))


replies = st.lists(
    st.sampled_from(
        ["ans = x", "x + 9 = 15", "% so", "Let y = 3", "```", "", "Q: 2", "a b = c", "\\["]
    )
    | st.text(max_size=12),
    max_size=8,
).map("\n".join)


@given(replies)
def test_reading_is_done_once(text: str) -> None:
    """A target is what was read: read again, it says the same."""
    once = read(text)
    assert read(once) == once


@given(st.text(alphabet="a1 %#.$`(\\=", max_size=3000).map(lambda text: text * 20))
def test_no_text_takes_long(text: str) -> None:
    EOT.read(text, Expected())
    EOT.complete(text)
