"""last_letters and coin_flip: gold, solutions by rule, and tests longer than training."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.answers import correct
from mdexp.sandbox.executor import Sandbox
from tests.contract.conftest import plugin
from tests.named_dataset import dataset
from tests.read_texts import read_texts

NAMES = ("last_letters", "coin_flip")


def problems(name, **options):
    return dataset(name, **{"limit_train": 20, "limit_test": 30} | options).problems()


@settings(max_examples=10, deadline=None)
@given(draw=st.integers(0, 10**6))
def test_the_one_right_spelling_is_gold(draw):
    for problem in problems("last_letters", draw=draw):
        words = re.search(r'"([\w ]+)"', problem.question)[1].split()
        letters = re.sub(r"\w*(\w)(?: |$)", r"\1", " ".join(words))
        options = dict(re.findall(r"([A-E])\) (\w+)", problem.question))
        assert list(options.values()) == problem.options and len(set(options.values())) == 5
        assert options[problem.answer] == letters


@settings(max_examples=10, deadline=None)
@given(draw=st.integers(0, 10**6))
def test_a_coin_is_heads_up_after_an_even_number_of_flips(draw):
    for problem in problems("coin_flip", draw=draw):
        flips = len(re.findall(r"[A-Z]\w+ flips the coin\.", problem.question))
        assert problem.answer == ("yes" if flips % 2 == 0 else "no")


@pytest.mark.parametrize("name", NAMES)
def test_tests_are_longer_and_share_no_word_with_training(name):
    found = problems(name)
    types = {split: {p.type for p in found if p.split == split} for split in ("train", "test")}
    assert types == {"train": {"k=2"}, "test": {"k=2", "k=3", "k=4"}}
    told = {
        split: {
            word
            for p in found
            if p.split == split
            for word in re.findall(r'"([\w ]+)"|([A-Z]\w+) (?:flips|does)', p.question)
        }
        for split in ("train", "test")
    }
    words = {
        split: {w for pair in told[split] for text in pair for w in text.split()} for split in told
    }
    assert words["train"] and words["test"] and not words["train"] & words["test"]


@pytest.mark.parametrize("name", NAMES)
def test_every_solution_leads_to_gold(name):
    cases = [
        (p, t, text) for p in problems(name) for t in ("cot", "pot") for text in p.solutions[t]
    ]
    thoughts = {thought: plugin("thought", thought) for thought in ("cot", "pot")}
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        reads = read_texts([(thoughts[t], text, p.expected) for p, t, text in cases], sandbox)
    for (problem, thought, text), read in zip(cases, reads, strict=True):
        assert correct(read.answer, problem.answer), (thought, text, read)
