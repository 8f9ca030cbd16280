"""Chains and programs paired step by step, each result shown behind the code that gives it."""

from collections.abc import Iterator

import pytest

from mdexp.lessons.interleaved_steps import InterleavedSteps, interleaved, lines_of
from mdexp.records import Problem, VerifiedPath
from mdexp.sandbox.executor import Sandbox
from tests.contract.conftest import plugin

CHAIN = "She has 3 + 4 = 7 pens.\nThey cost 7 * 5 = $35 in all."
PROGRAM = "pens = 3 + 4\nprice = 5\nans = pens * price"
PROBLEM = Problem(
    id="p", dataset="toy", split="train", question="3 and 4 pens at 5 dollars?", answer=35
)
THOUGHTS = {"tir": plugin("thought", "tir"), "cot": plugin("thought", "cot")}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        yield sandbox


def path(thought, text, sample=0):
    return VerifiedPath(
        problem_id="p", thought=thought, sample=sample, text=text, answer=35, model="m"
    )


def made(sandbox, *paths, **options):
    maker = plugin("lesson", "interleaved_steps", **options)
    return list(maker.make(PROBLEM, paths, THOUGHTS, sandbox))


def test_each_sentence_stands_before_its_code_and_without_its_result(sandbox):
    [lesson] = made(sandbox, path("cot", CHAIN), path("pot", PROGRAM))
    scored = [segment.text for segment in lesson.segments if segment.scored]
    assert scored == [
        "She has 3 + 4 pens.\n```python\npens = 3 + 4\nprint(pens)\n```",
        "\nThey cost 7 * 5 in all.\n```python\nprice = 5\nans = pens * price\nprint(ans)\n```",
        "The answer is 35.",
    ]
    shown = [s.text for s in lesson.segments if s.author == "cue"][1:]
    assert shown == ["\n```output\n7\n```\n", "\n```output\n35\n```\n"]
    assert not any(s.scored for s in lesson.segments if s.author != "writer")
    assert lesson.sources == ("cot/0", "pot/0")


@pytest.mark.parametrize(
    ("chain", "program"),
    [
        ("She has 3 + 4 = 7 pens.", PROGRAM),  # the last line is left over
        ("She has 3 + 4 = 7 pens.\nThey cost 35 in all.", PROGRAM),  # no sum
        (CHAIN, "def solution():\n    return 35"),
        (CHAIN, "a, b = 3, 4\nans = 35"),
        (CHAIN, "ans = ("),
    ],
)
def test_a_pair_that_does_not_match_is_no_lesson(chain, program, sandbox):
    assert interleaved(chain, lines_of(program, sandbox)) == []
    assert made(sandbox, path("cot", chain), path("pot", program)) == []


def test_other_sentences_stand_before_the_next_sum_and_behind_the_last_none(sandbox):
    chain = "There are pens. She has 3 + 4 = <<3+4=7>>7 of them. Now pay: 7 * 5 = 35. That is much."
    assert interleaved(chain, lines_of(PROGRAM, sandbox)) == [
        "There are pens. She has 3 + 4 of them.\n```python\npens = 3 + 4\nprint(pens)\n```",
        "\nNow pay: 7 * 5.\n```python\nprice = 5\nans = pens * price\nprint(ans)\n```",
    ]


def test_the_first_program_that_matches_is_taken(sandbox):
    found = made(
        sandbox,
        path("cot", CHAIN),
        path("pot", "def f(): return 35"),
        path("pot", PROGRAM, sample=1),
    )
    assert [lesson.sources for lesson in found] == [("cot/0", "pot/1")]


def test_more_steps_than_runs_are_no_lesson(sandbox):
    thoughts = THOUGHTS | {"tir": plugin("thought", "tir", max_runs=1)}
    maker = InterleavedSteps(thought="tir", prose="cot")
    pair = [path("cot", CHAIN), path("pot", PROGRAM)]
    assert list(maker.make(PROBLEM, pair, thoughts, sandbox)) == []


def test_it_needs_both_thoughts():
    maker = InterleavedSteps(thought="tir", prose="cot")
    with pytest.raises(ValueError, match="to be one of tir, and cot beside it, the thoughts are"):
        maker.teaches({"cot": THOUGHTS["cot"]})
    with pytest.raises(ValueError, match="the thoughts are tir"):
        maker.teaches({"tir": THOUGHTS["tir"]})
