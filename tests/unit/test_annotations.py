"""Annotations as views: which a set has, and what corruption changes."""

import re
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mdexp.records import Problem
from mdexp.teacher.annotations import CORRUPTED, Annotations, annotated, with_wrong_operator
from mdexp.teacher.worked import worked_texts
from tests.buyer import NO_PROGRAMS
from tests.contract.conftest import plugin

MARKED = Problem(
    id="a",
    dataset="gsm8k",
    split="train",
    question="Ann sold 48 clips in April and half as many in May. How many in all?",
    answer=72,
    rationale="In May she sold 48/2 = <<48/2=24>>24 clips.\nIn all 48+24 = <<48+24=72>>72 clips.",
)
PLAIN = Problem(
    id="b",
    dataset="own",
    split="train",
    question="Ben has 3 pens and buys 4. How many has he?",
    answer=7,
    rationale="He has 3 + 4 = 7 pens.\n#### 7",
)
THOUGHTS = {name: plugin("thought", name) for name in ("label", "cot", "marked", "pot", "eot")}


def paths(problems, **options):
    fields = {"num_paths": 1, "views": {}, "corrupted": None, "corrupted_share": 0.3, "seed": 0}
    return list(
        Annotations(**fields | options).paths(problems, THOUGHTS, Path("unused"), NO_PROGRAMS)
    )


def test_views_are_the_sets_own_words_and_what_can_be_made_of_them():
    views = annotated(MARKED)
    assert views["marked"] == [f"{MARKED.rationale}\nThe answer is 72."]
    assert views["cot"] == [
        "In May she sold 48/2 = 24 clips.\nIn all 48+24 = 72 clips.\nThe answer is 72."
    ]
    assert views["eot"] == worked_texts(MARKED)["eot"]
    assert set(annotated(PLAIN)) == {"label", "cot", "pot", "eot"}, "it has no marks"
    assert annotated(PLAIN)["cot"] == ["He has 3 + 4 = 7 pens.\nThe answer is 7."]


def test_a_set_shows_the_views_that_it_is_named_with():
    found = paths([MARKED, PLAIN], views={"gsm8k": ("marked",)})
    assert {p.thought for p in found if p.problem_id == "a"} == {"marked"}
    assert {p.thought for p in found if p.problem_id == "b"} == {"label", "cot", "pot", "eot"}


@given(seed=st.integers(0, 10**6))
def test_corruption_changes_one_operator_of_one_view(seed):
    clean = paths([MARKED, PLAIN])
    spoiled = paths([MARKED, PLAIN], corrupted="eot", corrupted_share=1.0, seed=seed)
    for before, after in zip(clean, spoiled, strict=True):
        if before.thought != "eot":
            assert before == after
            continue
        assert after.model == CORRUPTED
        assert len(before.text) == len(after.text)
        changed = [(a, b) for a, b in zip(before.text, after.text, strict=True) if a != b]
        assert len(changed) == 1
        assert re.fullmatch(r"[-+*/]{2}", "".join(changed[0]))


@given(st.integers(0, 10**6))
def test_a_hyphen_is_no_operator(seed):
    assert with_wrong_operator("Ann has a part-time job.", Random(seed)) == (
        "Ann has a part-time job."
    )


def test_as_many_are_corrupted_as_asked_for():
    problems = [
        Problem(id=f"p{n}", dataset="d", split="train", question=f"3 and 4, {n}?", answer=7,
                rationale="3 + 4 = 7")
        for n in range(500)
    ]  # fmt: skip
    found = [p.model for p in paths(problems, corrupted="pot") if p.thought == "pot"]
    assert len(found) == 500
    assert 0.24 < found.count(CORRUPTED) / 500 < 0.36


def test_of_a_sets_own_prose_there_is_one_text():
    found = paths([MARKED], num_paths=3)
    assert [p.sample for p in found if p.thought in ("cot", "marked")] == [0, 0]
    assert [p.sample for p in found if p.thought == "eot"] == [0, 1, 2]
