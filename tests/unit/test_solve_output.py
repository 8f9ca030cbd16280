"""Answers as people read them."""

import json
from dataclasses import replace
from typing import Any

from mdexp.commands.solve_output import for_people, solve_output
from mdexp.grading.vote import elect, voters
from mdexp.records import Generation, Lesson, Output, Problem, ProgramResult, Segment
from mdexp.report.explorer import explorer_data
from mdexp.report.lesson_examples import lesson_examples

OF = {"problem_id": "p", "dataset": "toy", "split": "test", "phase": "after", "num_shots": 0}


def path(thought: str, sample: int, answer: int, **fields: Any) -> tuple[Generation, Output]:
    which = OF | {"thought": thought, "sample": sample, "text": f"It is {answer}."}
    trace, unverified = fields.pop("trace", {}), fields.pop("unverified", "")
    graded = {"answer": answer, "status": "ok", "correct": False} | fields
    return Generation(**which, **graded), Output(
        **which, num_tokens=3, finished=True, logprob=-0.5, trace=trace, unverified=unverified
    )


def tell(*paths: tuple[Generation, Output], order: tuple[str, ...]) -> dict[str, Any]:
    generations, outputs = zip(*paths, strict=True)
    return solve_output("How many?", generations, elect(voters(generations), order), outputs)


def test_a_path_without_a_say_is_marked() -> None:
    sampled = tell(path("cot", 0, 1), path("cot", 1, 2), order=("cot",))
    assert [p["heard"] for p in sampled["paths"]] == [False, True]
    shown = for_people(sampled)
    assert "\n--- cot, greedy, 3 tokens (does not vote) ---\nIt is 1.\n=> 1\n" in shown
    assert "\n--- cot, sample 1, 3 tokens ---\n" in shown
    assert shown.endswith("\nanswer: 2\nwhy: cot only, by majority (2: 1)")
    left_out = tell(path("cot", 0, 1), path("pot", 0, 2), order=("pot",))
    assert [p["heard"] for p in left_out["paths"]] == [False, True]
    assert "greedy, 3 tokens (does not vote)" not in for_people(
        tell(path("cot", 0, 1), path("pot", 0, 2), order=("pot", "cot"))
    )


def test_beams_are_ranked_and_show_their_steps() -> None:
    steps = [{"status": "ran", "score": 0.25}, {"status": "failed", "score": -1.5}]
    shown = for_people(tell(path("pot", 0, 1, trace={"steps": steps}), order=("pot",)))
    assert "--- pot, beam 1, 3 tokens ---" in shown
    assert "\n  step 1: ran, score 0.25\n  step 2: failed, score -1.5\n" in shown


def test_a_server_that_may_have_another_model_is_said_to_programs_and_people() -> None:
    doubtful = tell(path("cot", 0, 1, unverified="it gives no log-probabilities"), order=("cot",))
    assert doubtful["unverified"] == "it gives no log-probabilities"
    assert for_people(doubtful).endswith("\nnot verified: it gives no log-probabilities")
    sure = tell(path("cot", 0, 1), order=("cot",))
    assert sure["unverified"] == "" and "not verified" not in for_people(sure)


def test_what_a_program_printed_moves_no_cursor() -> None:
    hostile = {"stdout": "\x1b[2J1\n", "error": "\x1b]0;x\x07", "status": "no_answer"}
    found = tell(path("pot", 0, 1, **hostile), order=("pot",))
    assert found["paths"][0]["stdout"] == "\x1b[2J1\n", "a program reads it as it is"
    shown = for_people(found)
    assert "\x1b" not in shown
    assert "\nprinted: \\x1b[2J1\n=> no_answer \\x1b]0;x\\x07\n" in shown
    assert shown.endswith("\nanswer: none\nwhy: no path has an answer")


def test_a_transcript_is_shown_as_a_conversation() -> None:
    """Of tool-integrated reasoning: what the sandbox found is read by the student, not asked."""
    found = ProgramResult(status="ok", answer=3)
    said = (
        Segment(author="cue", text="\nGo on."),
        Segment(author="writer", text="```python\nans = 3\n```", turn="assistant", num_tokens=7),
        Segment(author="executor", text="", result=found),
        Segment(author="cue", text="\n```output\n3\n```\n"),
        Segment(author="writer", text="The answer is", num_tokens=4, finished=False),
        Segment(author="cue", text="Again.", turn="user"),
    )
    solved = tell(path("tir", 0, 3, segments=said), order=("tir",))
    assert [(t["who"], t["text"]) for t in solved["paths"][0]["turns"]] == [
        ("asked", "Go on."),
        ("student, 7 tokens", "```python\nans = 3\n```"),
        ("sandbox, ran what was written: ok", "3"),
        ("read by the student", "```output\n3\n```"),
        ("student, 4 tokens, cut short", "The answer is"),
        ("asked", "Again."),
    ]
    assert "\n[read by the student] ```output\n3\n```\n" in for_people(solved)
    data = json.loads(explorer_data([], [path("tir", 0, 3, segments=said)[0]]))
    row = dict(zip(data["fields"], data["generations"][0], strict=True))
    assert row["turns"] == [[t["who"], t["text"]] for t in solved["paths"][0]["turns"]]


def test_a_lesson_with_texts_that_are_only_read_is_told_as_a_conversation() -> None:
    said = (
        Segment(author="question", text="How many?", turn="user"),
        Segment(author="cue", text="Write a program."),
        Segment(author="writer", text="ans = lost", turn="assistant"),
        Segment(author="executor", text="NameError", result=ProgramResult(status="runtime_error")),
        Segment(author="cue", text="NameError\nMend it.", turn="user"),
        Segment(author="writer", text="ans = 7", turn="assistant", scored=True),
    )
    lesson = Lesson(
        id="p", problem_id="p", thought="repair", sample=0, segments=said, sources=("pot/0",)
    )
    problem = Problem(id="p", dataset="toy", split="train", question="How many?", answer=7)
    [shown] = lesson_examples([problem], [lesson], {})
    assert shown["text"] == (
        "[student]\nans = lost\n\n[sandbox, ran what was written: runtime_error]\nNameError\n\n"
        "[asked]\nNameError\nMend it.\n\n[student (to be learned)]\nans = 7"
    )
    alone = replace(lesson, segments=(*said[:2], said[-1]))
    [shown] = lesson_examples([problem], [alone], {})
    assert shown["text"] == "ans = 7"
