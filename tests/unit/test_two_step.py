"""The demo's problems: gold, solutions in every thought, what test and training share."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.answers import correct
from mdexp.datasets.two_step import KINDS, THINGS
from mdexp.records import Expected
from mdexp.sandbox.executor import Sandbox
from mdexp.teacher.worked import worked_texts
from tests.contract.conftest import plugin
from tests.named_dataset import dataset
from tests.read_texts import read_texts

GOLD = {
    "change": lambda a, b, c: a + b - c,
    "more": lambda a, b: a + (a + b),
    "times": lambda a, b: a + a * b,
    "groups": lambda a, b, c: a * b - c,
    "price": lambda a, b, c: a * b + c,
    "share": lambda a, b, c: (a + b) / c,
}


def problems(**options):
    return dataset("two_step", **{"limit_train": 60, "limit_test": 30} | options).problems()


def numbers(question):
    return [int(number) for number in re.findall(r"\d+", question)]


@settings(max_examples=10, deadline=None)
@given(draw=st.integers(0, 10**6))
def test_gold_follows_from_the_numbers_of_the_question(draw):
    for problem in problems(draw=draw):
        assert problem.answer == GOLD[problem.type](*numbers(problem.question)), problem
        assert problem.answer > 0


@settings(max_examples=10, deadline=None)
@given(draw=st.integers(0, 10**6))
def test_test_shares_no_thing_and_no_pair_of_numbers_with_training(draw):
    found = problems(draw=draw)
    pairs = {
        split: {(p.type, *numbers(p.question)[:2]) for p in found if p.split == split}
        for split in ("train", "test")
    }
    assert pairs["train"] and pairs["test"] and not pairs["train"] & pairs["test"]
    for split, other in (("train", "test"), ("test", "train")):
        asked = " ".join(p.question for p in found if p.split == split)
        assert not [thing for thing in THINGS[other] if re.search(rf"\b{thing}\b", asked)]


def test_kinds_take_turns():
    assert [p.type for p in problems()][:6] == list(KINDS) == list(GOLD)


@pytest.mark.parametrize("thought", ["label", "cot", "pot", "eot"])
def test_every_thought_has_a_solution_that_leads_to_gold(thought):
    found = problems()
    texts = [(plugin("thought", thought), worked_texts(p)[thought][0], Expected()) for p in found]
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        reads = read_texts(texts, sandbox)
    assert all(correct(read.answer, p.answer) for read, p in zip(reads, found, strict=True))
