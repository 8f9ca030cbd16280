"""Injected faults: every one that is taught is wrong by the executor, and no lesson tells gold."""

import random

import pytest

from mdexp.answers import correct
from mdexp.lessons.faulty_programs import FaultyPrograms
from mdexp.lessons.program_faults import OPERATORS, drop_line, name_undefined, op_swap, syntax
from mdexp.records import Problem, VerifiedPath
from mdexp.sandbox.executor import Sandbox
from mdexp.transcripts.prompting import load_exemplars
from tests.contract.conftest import plugin

PROGRAM = "pens = 3\nclips = 4\ntotal = pens * clips + 2\nans = total - pens"
QUESTION = "Ann has 3 pens and 4 clips, and 57 more. How many?"


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_an_operator_changes_a_program_at_one_site(operator):
    found = {operator(PROGRAM, QUESTION, random.Random(n)) for n in range(20)}
    assert PROGRAM not in found and None not in found
    again = operator(PROGRAM, QUESTION, random.Random(0))
    assert again == operator(PROGRAM, QUESTION, random.Random(0)), "the seed decides"


def test_what_an_operator_needs():
    assert op_swap("ans = 3", QUESTION, random.Random(0)) is None
    assert name_undefined("ans = 3", QUESTION, random.Random(0)) is None
    assert drop_line("ans = 3", QUESTION, random.Random(0)) is None
    assert syntax("ans", QUESTION, random.Random(0)) is None
    assert op_swap("ans = (", QUESTION, random.Random(0)) is None, "it does not parse"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        yield sandbox


@pytest.mark.parametrize("mix", ["matched", "uniform"])
def test_lessons_are_of_faults_that_are_wrong(sandbox, mix):
    maker = FaultyPrograms(thought="repair", per_path=6, mix=mix, seed=0)
    thoughts = {"repair": plugin("thought", "repair")}
    made = []
    for number, row in enumerate(load_exemplars()):
        problem = Problem(
            id=f"p{number}",
            dataset="toy",
            split="train",
            question=row["question"],
            answer=row["answer"],
        )
        path = VerifiedPath(
            problem_id=problem.id,
            thought="pot",
            sample=0,
            text=row["pot"],
            answer=row["answer"],
            model="m",
        )
        for lesson in maker.make(problem, [path], thoughts, sandbox):
            question, _, faulty, found, cue, right = lesson.segments
            assert found.result is not None and found.result.seconds == 0, "as in every run"
            [result] = sandbox.run([faulty.text])
            assert not correct(result.answer, row["answer"])
            assert not faulty.scored and right.scored and right.text == row["pot"]
            assert f"gives {row['answer']}." not in cue.text
            assert question.text == row["question"] and lesson.sources == ("pot/0",)
            made.append(lesson)
    assert len({lesson.id for lesson in made}) == len(made) >= 8


def test_a_wrong_program_is_no_repair(sandbox):
    """It comes with verify.mode=runs, none or agree."""
    maker = FaultyPrograms(thought="repair", per_path=6, mix="uniform", seed=0)
    problem = Problem(id="p", dataset="toy", split="train", question=QUESTION, answer=12)
    path = VerifiedPath(problem_id="p", thought="pot", sample=0, text=PROGRAM, answer=11, model="m")
    assert not list(maker.make(problem, [path], {"repair": plugin("thought", "repair")}, sandbox))


def test_it_needs_a_thought_that_repairs(sandbox):
    maker = FaultyPrograms(thought="cot", per_path=1, mix="uniform", seed=0)
    problem = Problem(id="p", dataset="toy", split="train", question=QUESTION, answer=1)
    with pytest.raises(ValueError, match=r"needs thought=cot to be one of repair, .* are cot"):
        list(maker.make(problem, [], {"cot": plugin("thought", "cot")}, sandbox))


def test_a_free_text_that_a_fault_leaves_right_teaches_nothing(sandbox):
    """Every changed number still ends in the same city, written as gold is or not."""
    program = "stops = 3\nrides = 4\nans = 'PARIS' if stops + rides < 99 else 'Rome'"
    problem = Problem(
        id="p",
        dataset="toy",
        split="train",
        question=QUESTION,
        answer="Paris",
        answer_kind="text",
        match="normalised",
    )
    path = VerifiedPath(
        problem_id="p", thought="pot", sample=0, text=program, answer="Paris", model="m"
    )
    maker = FaultyPrograms(thought="repair", per_path=8, mix="matched", seed=0)
    lessons = list(maker.make(problem, [path], {"repair": plugin("thought", "repair")}, sandbox))
    given = [s.result for lesson in lessons for s in lesson.segments if s.result is not None]
    assert given and all(result.answer is None or result.answer == "Rome" for result in given)
