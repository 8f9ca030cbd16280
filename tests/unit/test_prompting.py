"""Exemplars are right in every thought, and turns come in the order a chat model expects."""

import re

import pytest

from mdexp.answers import correct
from mdexp.records import Expected
from mdexp.sandbox.executor import Sandbox
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.eot import EquationOfThought
from mdexp.thoughts.label import Label
from mdexp.thoughts.pot import ProgramOfThought
from mdexp.transcripts.prompting import (
    OTHER_KINDS,
    exemplar_files,
    exemplar_rows,
    instruction_for,
    load_exemplars,
    shown_by,
    turns,
)
from tests.read_texts import answer_of
from tests.read_texts import read_texts as read_answers

COT = ChainOfThought(instruction="Reason.", cue="Think step by step.")
LABEL = Label(instruction="Answer.", cue="Only the answer.")
POT = ProgramOfThought(instruction="Write Python.", cue="Compute ans.")
SETS = [exemplar_rows(file) for file in exemplar_files()]
EXEMPLARS = [row for rows in SETS for row in rows]
EOT = EquationOfThought(instruction="Write equations.", cue="Name ans.")


@pytest.mark.parametrize("row", EXEMPLARS, ids=lambda row: row["question"][:20])
@pytest.mark.parametrize("thought", [COT, LABEL], ids=["cot", "label"])
def test_prose_exemplar_is_read_back_as_its_gold(thought, row):
    text = answer_of(thought.exemplar(row))
    assert correct(thought.read(text, Expected()).answer, row["answer"])
    assert thought.complete(text + "\nQ:") == text


@pytest.mark.parametrize("row", EXEMPLARS, ids=lambda row: row["question"][:20])
def test_every_step_of_a_chain_is_true(row):
    steps = re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", row["cot"])
    assert steps
    for left, sign, right, result in steps:
        a, b = int(left), int(right)
        assert {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign] == int(result)


@pytest.mark.parametrize("thought", [POT, EOT], ids=["pot", "eot"])
def test_what_has_to_be_worked_out_leads_to_its_gold(thought):
    texts = [(thought, answer_of(thought.exemplar(row)), Expected()) for row in EXEMPLARS]
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        reads = read_answers(texts, sandbox)
    assert [read.status for read in reads] == ["ok"] * len(EXEMPLARS)
    for read, row in zip(reads, EXEMPLARS, strict=True):
        assert correct(read.answer, row["answer"])


def test_equation_exemplars_are_shown_as_they_are_trained_on():
    texts = [answer_of(EOT.exemplar(row)) for row in EXEMPLARS]
    assert [EOT.read(text, Expected()).text for text in texts] == texts
    # Else they would be programs without Python: what is asked for stands among the unknowns.
    assert sum(not re.search(rf"^{re.escape(t.split()[-1])} = ", t, re.M) for t in texts) >= 3


def test_exemplars_have_distinct_questions_and_answers():
    assert len({row["question"] for row in EXEMPLARS}) == len(EXEMPLARS)
    # Equal answers would teach the answer instead of the way.
    for rows in SETS:
        assert len({row["answer"] for row in rows}) == len(rows)


def test_turns_alternate_and_end_with_the_question():
    messages = turns("How many?", COT, EXEMPLARS[:2])
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2 + ["user"]
    assert messages[0]["content"] == f"{EXEMPLARS[0]['question']}\nThink step by step."
    assert messages[1]["content"].endswith("The answer is 18.")
    assert messages[-1]["content"] == "How many?\nThink step by step."


def test_no_exemplars_is_zero_shot():
    assert turns("How many?", POT) == [{"role": "user", "content": "How many?\nCompute ans."}]


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_exemplars_of_other_kinds_lead_to_their_gold(kind):
    rows = load_exemplars(kind)
    assert len(rows) == 4
    match = "exact" if kind == "text" else None
    expected = [
        Expected(kind=kind, options=tuple(row.get("options", ())), match=match) for row in rows
    ]
    texts = [
        (thought, answer_of(thought.exemplar(row)), form)
        for thought in (COT, LABEL, POT)
        for row, form in zip(rows, expected, strict=True)
    ]
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        reads = read_answers(texts, sandbox)
    for read, row in zip(reads, rows * 3, strict=True):
        assert correct(read.answer, row["answer"], match), (read, row)
    assert shown_by(EOT, rows) == [], "equations answer with a number"
    assert shown_by(COT, rows) == rows


def test_an_instruction_says_what_the_answer_is_where_it_is_no_number():
    assert instruction_for(COT, "number") == COT.instruction
    assert instruction_for(COT, "yes_no").startswith(f"{COT.instruction} Here the answer is")


def test_a_folder_of_ones_own_may_serve_all_kinds_with_one_file(tmp_path):
    (tmp_path / "exemplars.jsonl").write_text('{"question": "Is it?", "answer": "yes"}\n')
    assert exemplar_files(tmp_path, "yes_no") == exemplar_files(tmp_path)
    (tmp_path / "exemplars_yes_no.jsonl").write_text('{"question": "So?", "answer": "no"}\n')
    [rows] = map(exemplar_rows, exemplar_files(tmp_path, "yes_no"))
    assert rows[0]["answer"] == "no"
