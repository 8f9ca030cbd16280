"""bench/given_texts.py: a student's last text behind its own, other, gold and no first texts."""

import importlib.util
from pathlib import Path

import pytest

from mdexp.config.judging import judge
from mdexp.records import Generation, Output, Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl

FILE = Path(__file__).parents[2] / "bench" / "given_texts.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("given_texts", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("experiment", ["kpdd", "sci_cot"])
def test_behind_its_own_texts_a_student_answers_as_in_the_run(
    experiment, bench, kept_run, monkeypatch
):
    run = kept_run(
        f"experiment={experiment}",
        "trainer.max_tokens=2048",
        "trainer.max_steps=60",
        "trainer.learning_rate=0.01",
        "decoding.max_new_tokens=400",
        "decoding.num_validation=0",
    )
    settings = judge(read_json(run / "run.json")["settings"])
    problems = read_jsonl(run / "problems.jsonl", Problem)
    outputs = read_jsonl(run / "outputs_after.jsonl", Output)
    name = bench.several_texts(settings)
    own = bench.own_texts(outputs, name, settings.thoughts[name].max_writes)
    assert own, "the tiny student has to finish its first texts"
    said = {}
    write_last = bench.write_last

    def remembered(walk, *rest):
        write_last(walk, *rest)
        said.setdefault(walk.transcript.problem_id, []).append(walk.transcript.last)

    monkeypatch.setattr(bench, "write_last", remembered)
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        made = bench.tables(run, settings, name, problems, outputs, 10, sandbox)
    assert len(made) == (2 if experiment == "kpdd" else 1)
    assert [str(cell) for cell in made[0].columns[0].cells] == list(bench.KINDS)
    assert {len(texts) for texts in said.values()} == {len(bench.KINDS)}
    last = {o.problem_id: o.segments[-1] for o in outputs if o.problem_id in said}
    finished = [n for n, segment in last.items() if segment.finished]
    assert finished and all(said[n][0].text == last[n].text for n in finished)
    graded = {
        g.problem_id: g.correct
        for g in read_jsonl(run / "generations.jsonl", Generation)
        if g.phase == "after"
    }
    right = sum(graded[n] for n in said) / len(said)
    assert next(made[0].columns[2].cells) == f"{100 * right:.1f}"


def test_first_texts_of_another_problem_are_never_ones_own(bench):
    texts = {"a": ("1",), "b": ("2",), "c": ("3",)}
    assert bench.shifted(texts, ["a", "b", "c"]) == {"a": ("2",), "b": ("3",), "c": ("1",)}


def test_numbers_of_a_program_are_those_it_writes_out(bench):
    assert bench.numbers_of("a = 3 + 4.0\nans = a * 3") == {"3", "4"}
    assert bench.numbers_of("a = (") == set()
    assert bench.in_question("Of 1,000 pens 3 are red.") == {"1000", "3"}
