"""bench/given_texts.py: a student's last text behind its own, other, gold and no first texts."""

import json
from pathlib import Path

import pytest

from bench import given_texts as bench
from mdexp.config.judging import judge
from mdexp.decoding.run_writer import run_writer
from mdexp.ports import Done
from mdexp.records import Generation, Output, Problem, by_id
from mdexp.sandbox.executor import Sandbox
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl


@pytest.mark.parametrize("experiment", ["kpdd", "sci_cot"])
def test_behind_its_own_texts_a_student_answers_as_in_the_run(experiment, kept_run):
    run = kept_run(
        f"experiment={experiment}",
        "trainer.max_tokens=2048",
        "trainer.max_steps=60",
        "trainer.learning_rate=0.01",
        "decoding.max_new_tokens=400",
        "decoding.num_validation=0",
    )
    settings = judge(read_json(run / "run.json")["settings"])
    outputs = read_jsonl(run / "outputs_after.jsonl", Output)
    problems = by_id(read_jsonl(run / "problems.jsonl", Problem))
    name = bench.several_texts(settings)
    thought = settings.thoughts[name]
    said = bench.own_texts(outputs, name, thought.max_writes)
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        made = bench.tables(run, settings, 10, sandbox)
        begun = [bench.Begun(problems[n], name, thought, texts) for n, texts in said.items()]
        walks = bench.write_on(begun, run_writer(run, settings), settings.decoding, sandbox)
    assert len(made) == (2 if experiment == "kpdd" else 1)
    assert [str(cell) for cell in made[0].columns[0].cells] == ["own", "other", "gold", "none"]
    again = {walk.transcript.problem_id: walk.transcript.last.text for walk in walks}
    last = {o.problem_id: o.segments[-1] for o in outputs if o.problem_id in said}
    finished = [n for n, segment in last.items() if segment.finished]
    assert finished and all(again[n] == last[n].text for n in finished)
    graded = {
        g.problem_id: g.correct
        for g in read_jsonl(run / "generations.jsonl", Generation)
        if g.phase == "after"
    }
    right = sum(graded[n] for n in said) / len(said)
    assert next(made[0].columns[2].cells) == f"{100 * right:.1f}"


def test_gold_can_be_recorded_and_a_control_stands_beside(kept_run, tmp_path: Path):
    """Gold's programs come from a file; of two test problems it has one that is right."""
    words = ("decoding.num_validation=0", "decoding.max_new_tokens=40", "trainer.max_tokens=2048")
    run = kept_run("experiment=kpdd", *words, "decoding.max_new_tokens=400")
    control = kept_run("thought=[pot]", "objective=union", *words)
    settings = judge(read_json(run / "run.json")["settings"])
    problems = read_jsonl(run / "problems.jsonl", Problem)
    thought = settings.thoughts["kpdd"]
    one, two = [p for p in problems if p.split == "test"][:2]
    file = tmp_path / "gold.jsonl"
    rows = [
        {"id": p.id, "thought": "pot", "completion": f"ans = {said}", "model": "m"}
        for p, said in ((one, one.answer), (two, "-1"))
    ]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        texts, programs = bench.gold_texts(problems, "kpdd", thought, sandbox, file)
        assert programs == {one.id: f"ans = {one.answer}"}
        assert texts.keys() == {one.id} and len(texts[one.id]) == 2
        answers = bench.control_answers(control, [one, two], sandbox)
        assert len(answers.dones) == len(answers.tokens) == 2 and min(answers.tokens) > 0
        lost = one.__class__(id="lost", dataset="d", split="test", question="q", answer=1)
        with pytest.raises(ValueError, match="pot was not asked 1 problems, such as lost"):
            bench.control_answers(control, [lost], sandbox)


def test_first_texts_of_another_problem_are_never_ones_own():
    texts = {"a": ("1",), "b": ("2",), "c": ("3",)}
    assert bench.shifted(texts, ["a", "b", "c"]) == {"a": ("2",), "b": ("3",), "c": ("1",)}


def test_numbers_of_a_program_are_those_it_writes_out():
    assert bench.numbers_of("a = 3 + 4.0\nans = a * 3") == {"3", "4"}
    assert bench.numbers_of("a = (") is None
    assert bench.in_question("Of 1,000 pens 3 are red.") == {"1000", "3"}


def test_shares_of_planted_programs_are_counted_by_unused_numbers():
    """Four programs of known numbers, one of which cannot be parsed."""
    questions = ["3 and 4?", "3 and 4 of 9?", "3 and 4 of 9?", "3 and 4 of 9?"]
    problems = [
        Problem(id=str(n), dataset="d", split="test", question=q, answer=7)
        for n, q in enumerate(questions)
    ]
    said = ["ans = 3 + 4", "ans = 3 + 9", "ans = 4 + 3", "ans = ("]
    dones = [Done(text=text, answer=None, status="no_answer") for text in said]
    found = {"own": bench.Answers(dones, [5] * 4)}
    table = bench.numbers_table(problems, found, dict.fromkeys("0123", "ans = 3 + 4"))
    rows = list(zip(*([str(c) for c in column.cells] for column in table.columns), strict=True))
    assert [row[:4] for row in rows] == [
        ("own", "no", "1", "0.0"),
        ("own", "yes", "2", "50.0"),
        ("own", "either", "3", "33.3"),
    ]
