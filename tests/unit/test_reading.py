"""Reading: each thought reads its own texts; programs run in one batch, in order."""

import pytest

from mdexp.grading.score import grade
from mdexp.records import Expected, Output, Problem, ProgramResult, TranscriptKey
from mdexp.thoughts.single_write import Reading
from mdexp.transcripts.reading import outcomes, read_rows
from tests.contract.conftest import plugin
from tests.read_texts import NUMBER, OneText, read_texts


def read_answers(texts, executor):
    return read_texts([(*text, NUMBER) for text in texts], executor)


class Prose(OneText):
    def read(self, text, expected):
        return Reading(text=text, answer=text if text.isdigit() else None)


class Code(OneText):
    def read(self, text, expected):
        return Reading(text=text.strip(), program=text.strip() or None)


class Equations(OneText):
    def read(self, text, expected):
        return Reading(text=text.strip(), equations=text.strip() or None)


class Results:
    """An executor that answers from a table and keeps what it was asked to run and to solve."""

    def __init__(self, **results):
        self.results = results
        self.batches, self.systems = [], []

    def run(self, programs):
        self.batches.append(list(programs))
        return [self.results[program] for program in programs]

    def solve(self, systems):
        self.systems.append(list(systems))
        return [self.results[f"solved {system}"] for system in systems]


def ok(answer, stdout=""):
    return ProgramResult(status="ok", answer=answer, stdout=stdout)


def test_prose_and_programs_come_back_in_order():
    executor = Results(a=ok(1, "hello"), b=ProgramResult(status="timeout", error="5 s"))
    texts = [(Code(), "b"), (Prose(), "7"), (Code(), "a"), (Prose(), "nothing")]
    reads = read_answers(texts, executor)
    assert [read.status for read in reads] == ["timeout", "ok", "ok", "no_answer"]
    assert [read.answer for read in reads] == [None, "7", 1, None]
    assert (reads[0].error, reads[2].stdout) == ("5 s", "hello")


def test_all_programs_run_in_one_batch():
    executor = Results(a=ok(1), b=ok(2))
    reads = read_answers([(Code(), text) for text in ("a", "b", "a ")], executor)
    assert executor.batches == [["a", "b", "a"]]
    assert [read.answer for read in reads] == [1, 2, 1]


def test_equations_are_solved_and_never_run():
    unsolved = ProgramResult(status="underdetermined", error="x is free")
    executor = Results(**{"a": ok(1), "solved a": ok(2), "solved b": unsolved})
    texts = [(Equations(), "a"), (Code(), "a"), (Equations(), " b "), (Prose(), "7")]
    reads = read_answers(texts, executor)
    assert [read.answer for read in reads] == [2, 1, None, "7"]
    assert (reads[2].status, reads[2].error) == ("underdetermined", "x is free")
    assert (executor.batches, executor.systems) == ([["a"]], [["a", "b"]])


def test_without_anything_to_work_out_the_executor_is_not_needed():
    texts = [(Prose(), "7"), (Code(), ""), (Equations(), "")]
    assert [r.status for r in read_answers(texts, None)] == ["ok", "no_answer", "no_answer"]


@pytest.mark.parametrize("thought", [Code(), Equations()], ids=["program", "equations"])
def test_an_executor_that_loses_a_text_is_not_believed(thought):
    class Lossy:
        def run(self, programs):
            return []

        solve = run

    with pytest.raises(ValueError, match="shorter"):
        read_answers([(thought, "a")], Lossy())


@pytest.mark.parametrize(
    "answer", [float("nan"), float("inf"), -(10**5000)], ids=["nan", "inf", "long"]
)
def test_a_number_that_json_cannot_hold_is_no_answer(answer):
    (read,) = read_answers([(Code(), "a")], Results(a=ok(answer)))
    assert (read.status, read.answer) == ("no_answer", None)
    assert "below 1e+300" in read.error


def test_other_values_of_programs_stay_as_they_are():
    asked = [(Code(), "a", Expected(kind="text"))]
    (read,) = read_texts(asked, Results(a=ok("3:15 pm")))
    assert (read.status, read.answer) == ("ok", "3:15 pm")


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    [
        (1, "yes_no", "no_answer"),
        (True, "yes_no", "ok"),
        ("no", "yes_no", "ok"),
        ("yes", "number", "no_answer"),
        (True, "number", "no_answer"),
        ("B", "options", "ok"),
        (12, "options", "no_answer"),
    ],
)
def test_an_answer_of_another_kind_than_was_asked_for_is_none(answer, kind, status):
    (read,) = read_texts([(Code(), "a", Expected(kind=kind))], Results(a=ok(answer)))
    assert (read.status, read.answer) == (status, answer if status == "ok" else None)
    assert bool(read.error) == (status != "ok")


def test_the_value_behind_an_option_stands_for_its_letter():
    asked = Expected(kind="options", options=("10 km", "12 km", "12.0"))
    texts = [(Code(), "a", asked), (Code(), "b", asked)]
    assert [read.answer for read in read_texts(texts, Results(a=ok(10), b=ok(12)))] == ["a", None]


def test_an_output_that_was_cut_short_says_nothing_to_those_who_read_it():
    """While the student writes and when it is graded alike: else a repair is graded by another
    program than the one that it was sent back for."""
    said = {"cot": "First 3 + 5 is 8, and then", "repair": "ans = 7"}
    problem = Problem(id="p", dataset="toy", split="test", question="?", answer=7)
    repair = plugin("thought", "repair").model_copy(update={"trigger": "disagree"})
    thoughts = {"cot": plugin("thought", "cot"), "repair": repair}
    outputs = [
        Output(
            problem_id="p",
            dataset="toy",
            split="test",
            phase="after",
            thought=name,
            sample=0,
            num_shots=0,
            text=text,
            num_tokens=9,
            finished=name != "cot",
        )
        for name, text in said.items()
    ]
    executor = Results(**{"ans = 7": ok(7)})
    known = outcomes(outputs[:1], {"p": problem}, thoughts, executor)
    done = known[TranscriptKey("p", "cot", 0, "after")]
    assert (done.status, done.answer) == ("truncated", None)
    graded = grade(outputs, {"p": problem}, thoughts, executor)
    read = read_rows(outputs, {"p": problem}, thoughts, executor)
    assert [(g.status, g.read) for g in graded] == [(r.status, r.answer) for r in read]
    assert [(g.status, g.read) for g in graded] == [("truncated", None), ("ok", 7)]
