"""Rows of the user's that a stage cannot use end the run with exit code 2 and no traceback, on the
terminal and in mdexp.log."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp.store.json_lines import read_jsonl
from mdexp.transcripts.prompting import load_exemplars

Command = Callable[..., int]

BROKEN = {
    '{"id": "train0"': "mine.jsonl:1: not JSON",
    '{"id": "train0", "thought": "cot"}': "mine.jsonl:1: ",
    "id,thought,completion\ntrain0,cot,It is 9.": "mine.jsonl:1: not JSON",
    '{"id": "other", "thought": "cot", "completion": "It is 9.", "model": "m"}': (
        "teacher.path: none of 1 rows is of a problem and a thought asked for"
    ),
}


@pytest.mark.parametrize("text", BROKEN)
def test_recorded_answers_that_cannot_be_read(
    text: str, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("mine.jsonl").write_text(text + "\n")
    assert command("teacher=replay", "teacher.path=mine.jsonl", "hydra.run.dir=run") == 2
    said = capfd.readouterr().err
    assert said.startswith("run failed: ") and BROKEN[text] in said
    assert "Traceback" not in said and "traceback" not in said and "Error:" not in said
    assert BROKEN[text] in Path("run/mdexp.log").read_text()


def test_a_set_that_is_tested_twice(
    command: Command, problems: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    twice = f"dataset.ood=[{{jsonl: {{path: {problems}}}}}]"
    assert command(twice, "hydra.run.dir=run") == 2
    assert "dataset.ood must not name a set that is tested already" in capfd.readouterr().err


def test_an_exemplar_that_is_a_test_problem(
    command: Command, problems: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = load_exemplars()[0]
    Path("own").mkdir()
    Path("own/train.jsonl").write_text((problems / "train.jsonl").read_text())
    row = {**read_jsonl(problems / "test.jsonl", dict)[0], "question": shown["question"]}
    Path("own/test.jsonl").write_text(json.dumps(row) + "\n")
    assert command("dataset.path=own", "decoding.num_shots=4", "hydra.run.dir=run") == 2
    assert "the exemplar" in capfd.readouterr().err


def test_jobs_of_a_sweep_are_named_as_they_start_and_fail(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("mine.jsonl").write_text("{\n")
    words = ["-m", "seed=0,1", "teacher=replay", "teacher.path=mine.jsonl", "hydra.sweep.dir=sweep"]
    assert command(*words) == 2
    out, err = capfd.readouterr()
    assert "seed=1" in next(line for line in out.splitlines() if line.startswith("job 1 ("))
    assert sum(line.startswith("job 1 (") and "failed: " in line for line in err.splitlines()) == 1
