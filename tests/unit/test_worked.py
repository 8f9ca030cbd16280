"""The teacher without a language model: what it reads in a solution and how it retells it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mdexp.algebra.arithmetic import evaluate
from mdexp.answers import correct
from mdexp.records import Answer, Expected, Problem, ProgramResult
from mdexp.records import Path as TeacherPath
from mdexp.sandbox.equations import solve_equations
from mdexp.teacher.solution import read_solution
from mdexp.teacher.worked import WorkedTeacher
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.eot import EquationOfThought
from mdexp.thoughts.label import Label
from mdexp.thoughts.pot import ProgramOfThought
from tests.buyer import NO_PROGRAMS
from tests.named_dataset import dataset
from tests.read_texts import read_texts as read_answers

DATA = os.environ.get("MDEXP_DATA")
THOUGHTS: dict[str, Any] = {
    "label": Label(instruction="", cue=""),
    "cot": ChainOfThought(instruction="", cue=""),
    "pot": ProgramOfThought(instruction="", cue=""),
    "eot": EquationOfThought(instruction="", cue=""),
}
PANS = (
    "Ann has 6 jars. A jar decorates 19 muffins and a pan holds 19 muffins. How many pans?",
    "She has enough frosting for 6 * 19 = 114 muffins.\nThus, she needs 114 / 19 = 6 pans.",
)


def solved(question: str, rationale: str, answer: Any) -> Problem:
    return Problem(
        id="p", dataset="d", split="train", question=question, answer=answer, rationale=rationale
    )


def texts(problem: Problem, thought: str, num_paths: int = 4) -> list[str]:
    teacher = WorkedTeacher(num_paths=num_paths)
    return [
        p.text
        for p in teacher.paths([problem], {thought: THOUGHTS[thought]}, Path("unused"), NO_PROGRAMS)
    ]


def run_arithmetic(program: str) -> str:
    """The value that straight-line arithmetic binds to `ans`, by our own parser."""
    names: dict[str, str] = {}
    for line in program.split("\n"):
        name, _, expression = line.partition(" = ")
        tokens = expression.replace("(", "( ").replace(")", " )").split()
        names[name] = f"( {evaluate(' '.join(names.get(token, token) for token in tokens))} )"
    return names["ans"].strip("() ")


@pytest.mark.parametrize(
    ("line", "expression", "value"),
    [
        ("90 onions / 10 onions/minute = 9 minutes", "90 / 10", "9"),
        ("The fee is $360,000 x 3/100 = $10,800.", "360000 * 3 / 100", "10800"),
        ("He loses £270 * 20% = £54.", "270 * 20 / 100", "54"),
        ("So 35 spools / 140 spools * 100% = 25%", "35 / 140 * 100", "25"),
        ("They wait 9÷3=3 hours, that is all.", "9 / 3", "3"),
        ("Sold 48/2 = <<48/2=24>>24 clips.", "48 / 2", "24"),
        ("She earns 0.5 x 50 = $<<.5*50=25>>25.", "0.5 * 50", "25"),
        ("In 3 weeks he swims 20 * 5.0 = 100.0 laps.", "20 * 5", "100"),
    ],
)
def test_equations_are_read_without_their_units(line: str, expression: str, value: str) -> None:
    question = "Given 90, 10, 360,000, 3, 270, 20, 35, 140, 9, 48, 50 and 5, and half, how many?"
    [step] = read_solution(solved(question, line, float(value)))
    assert (" ".join(step.tokens), step.value) == (expression, value)


@pytest.mark.parametrize(
    ("question", "rationale", "answer"),
    [
        ("Pans for 121 of 22?", "She needs 121 / 22 = 5 pans.", 5),
        ("There are 73 and 219.", "She has 73 + T = 219 toys.\nThus T = 146 balls.", 146),
        ("She has 3 pens and 4 caps.", "She has 3 + 4 = 7 things.", 8),
        ("She has 3 pens.", "She has 3 + 41 = 44 things.", 44),
        ("She has 3 pens.", "", 3),
    ],
    ids=["wrong equation", "unknown", "other answer", "number from nowhere", "no solution"],
)
def test_what_is_not_understood_is_given_up(question: str, rationale: str, answer: int) -> None:
    problem = solved(question, rationale, answer)
    assert texts(problem, "cot") == texts(problem, "pot") == texts(problem, "eot") == []
    assert texts(problem, "label") == [f"The answer is {answer}."]


def test_program_styles() -> None:
    assert texts(solved(*PANS, 6), "pot") == [
        "a = 6 * 19\nans = a / 19",
        "muffins = 6 * 19\nans = muffins / 19",
        "ans = 6 * 19 / 19",
        "step_1 = 6 * 19\nstep_2 = step_1 / 19\nans = step_2",
    ]


def test_equation_styles() -> None:
    assert texts(solved(*PANS, 6), "eot") == [
        "a = 6 * 19\n19 * x = a\nans = x",
        "muffins = 6 * 19\n19 * pans = muffins\nans = pans",
        "19 * x = 6 * 19\nans = x",
        "x = a / 19\na = 6 * 19\nans = x",
    ]


@pytest.mark.parametrize(
    ("step", "equation"),
    [
        ("15 - 9 = 6", "x + 9 = 15"),
        ("20 - 3 - 4 * 2 = 9", "x + 4 * 2 = 20 - 3"),
        ("20 - 9 + 4 = 15", "x = 20 - 9 + 4"),
        ("90 / 6 = 15", "6 * x = 90"),
        ("(20 - 2) / (4 + 2) = 3", "(4 + 2) * x = (20 - 2)"),
        ("90 / 6 * 2 = 30", "x = 90 / 6 * 2"),
        ("20 - 90 / 6 = 5", "x + 90 / 6 = 20"),
        ("(20 - 2) * 4 = 72", "x = (20 - 2) * 4"),
    ],
)
def test_what_a_program_takes_away_or_divides_equations_add_and_multiply(
    step: str, equation: str
) -> None:
    question = "With 15, 9, 20, 3, 4, 2, 90 and 6, how many?"
    problem = solved(question, step, int(step.split("= ")[1]))
    assert texts(problem, "eot")[0] == f"{equation}\nans = x"


def test_one_equation_has_the_numbers_of_the_question_alone() -> None:
    question = "From 20 take the sum of 3 and 4, twice; share among the 2 groups of 13."
    rationale = "3 + 4 = 7\n20 - 7 = 13\n13 * 2 = 26\n2 * 13 = 26\n26 / 26 = 1"
    system = texts(solved(question, rationale, 1), "eot")[2]
    assert system == "((20 - (3 + 4)) * 2) * x = 2 * 13\nans = x"


def test_sentence_styles() -> None:
    assert texts(solved(*PANS, 6), "cot") == [
        "She has enough frosting for 6 * 19 = 114 muffins.\nShe needs 114 / 19 = 6 pans."
        "\nThe answer is 6.",
        "Step 1: 6 * 19 = 114 muffins.\nStep 2: 114 / 19 = 6 pans.\nThe answer is 6.",
        "6 * 19 = 114\n114 / 19 = 6\nThe answer is 6.",
    ]


def test_expression_keeps_its_value_in_parentheses() -> None:
    question = "From 20 take the sum of 3 and 4, twice; share among the 2 groups of 13."
    rationale = "3 + 4 = 7\n20 - 7 = 13\n13 * 2 = 26\n2 * 13 = 26\n26 / 26 = 1"
    program = texts(solved(question, rationale, 1), "pot")[2]
    assert program == "ans = 2 * 13 / ((20 - (3 + 4)) * 2)"


def test_result_equal_to_a_number_of_the_question_is_linked_once() -> None:
    """2 * 5 gives 10, and the question has a 10 of its own."""
    rationale = "She buys 2 * 5 = 10 pens.\nNow she has 10 + 10 = 20 pens."
    program = texts(solved("Ann has 10 pens and buys 2 packs of 5.", rationale, 20), "pot")[0]
    assert program == "a = 2 * 5\nans = a + 10"


def test_step_that_leads_nowhere_is_left_out_of_programs() -> None:
    rationale = "There are 2 + 3 = 5 cats.\nThere are 4 * 6 = 24 dogs."
    assert texts(solved("2, 3, 4 and 6?", rationale, 24), "pot")[0] == "ans = 4 * 6"


def test_equal_styles_are_written_once() -> None:
    problem = solved("Of 3 and 4?", "3 * 4 = 12", 12)
    assert texts(problem, "cot") == [
        "3 * 4 = 12.\nThe answer is 12.",
        "Step 1: 3 * 4 = 12.\nThe answer is 12.",
        "3 * 4 = 12\nThe answer is 12.",
    ]
    assert texts(problem, "pot") == ["ans = 3 * 4", "step_1 = 3 * 4\nans = step_1"]


def test_thought_it_does_not_know_gets_nothing() -> None:
    paths = WorkedTeacher(num_paths=2).paths(
        [solved(*PANS, 6)], {"mine": THOUGHTS["cot"]}, Path(), NO_PROGRAMS
    )
    assert list(paths) == []


def check(problems: list[Problem]) -> dict[str, int]:
    """Assert what holds of every path; give the number of problems that have each style."""
    golds = {problem.id: problem.answer for problem in problems}
    paths = list(WorkedTeacher(num_paths=4).paths(problems, THOUGHTS, Path("unused"), NO_PROGRAMS))
    fewer = list(WorkedTeacher(num_paths=3).paths(problems, THOUGHTS, Path("unused"), NO_PROGRAMS))
    assert fewer == [path for path in paths if path.sample < 3]
    texts_by_thought: dict[tuple[str, str], list[str]] = {}
    answers = worked_out(paths)
    for path, answer in zip(paths, answers, strict=True):
        assert correct(answer, golds[path.problem_id]), path
        texts_by_thought.setdefault((path.problem_id, path.thought), []).append(path.text)
    assert all(len(set(group)) == len(group) for group in texts_by_thought.values())
    return {t: sum(p.thought == t and p.sample == 0 for p in paths) for t in THOUGHTS}


def worked_out(paths: list[TeacherPath]) -> list[Answer | None]:
    texts = [(THOUGHTS[path.thought], path.text, Expected()) for path in paths]
    reads = read_answers(texts, OwnParsers())
    for path, read in zip(paths, reads, strict=True):
        assert path.thought not in ("pot", "eot") or read.text == path.text, "nothing to clean"
    return [read.answer for read in reads]


class OwnParsers:
    """Works out what `worked` writes without a sandbox: it is that simple."""

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        return [ProgramResult(status="ok", answer=run_arithmetic(text)) for text in programs]

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        return solve_equations(systems, pytest.fail)


def test_every_easy_symbolic_problem_is_rewritten() -> None:
    pytest.importorskip("reasoning_gym")
    problems = dataset("gsm_symbolic", limit_train=400, limit_test=200, draw=5).problems()
    assert check(problems) == {"label": 600, "cot": 600, "pot": 600, "eot": 600}


@pytest.mark.skipif(not DATA, reason="MDEXP_DATA names no folder with the real data")
def test_most_solutions_of_gsm8k_are_rewritten() -> None:
    problems = dataset("gsm8k", path=DATA, limit_train=500, limit_test=1).problems()[:500]
    written = check(problems)
    assert written["label"] == 500
    assert written["cot"] == written["pot"] == written["eot"] >= 400
