"""What a run's folder is good for afterwards: its student is asked, and given away."""

import io
import json
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mdexp import export as exporting
from mdexp import solve
from mdexp.artifacts import read_json
from mdexp.settings import judge
from mdexp.trained import trained_weights


@pytest.fixture
def run(command, tmp_path):
    folder = tmp_path / "run"
    assert command(f"hydra.run.dir={folder}", "decoding.num_paths=2") == 0
    return folder


def asked(capsys, *arguments):
    capsys.readouterr()
    assert solve.main([*map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_a_question_is_answered_by_every_path_and_a_vote(run, capsys):
    told = json.loads(asked(capsys, run, "Ann has 3 pens. How many?", "--json"))
    paths = [(path["thought"], path["sample"]) for path in told["paths"]]
    assert paths == [(thought, k) for thought in ("cot", "pot") for k in range(3)]
    assert told.keys() >= {"question", "answer", "votes", "why"}
    shown = asked(capsys, run, "Ann has 3 pens. How many?")
    assert "--- cot, greedy ---" in shown and "--- pot, sample 2 ---" in shown
    assert "why: " in shown


def test_questions_come_from_standard_input(run, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("One?\n\nTwo?\n"))
    lines = asked(capsys, run, "--json").splitlines()
    assert [json.loads(line)["question"] for line in lines] == ["One?", "Two?"]


def test_an_exported_student_is_what_the_run_trained(run, tmp_path, capsys):
    folder = tmp_path / "shared"
    assert exporting.main([str(run), str(folder)]) == 0
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ours, _ = trained_weights(run, judge(read_json(run / "run.json")["settings"])).load()
    ids = tokenizer("Ann has", return_tensors="pt")["input_ids"]
    assert torch.equal(model(ids).logits, ours(ids).logits)
    card = (folder / "README.md").read_text(encoding="utf-8")
    metrics = read_json(run / "metrics.json")
    low, high = metrics["jsonl"]["after"]["vote"]["ci95"]
    assert f"{100 * low:.1f}-{100 * high:.1f}" in card
    assert "- problems: files of your own (your own matter)\n" in card
    assert "no language model wrote them" in card
    assert "Think step by step." in card

    assert exporting.main([str(run), str(folder)]) == 2
    assert f"error: {folder}: is there already" in capsys.readouterr().err


def test_nothing_is_uploaded_unless_a_name_is_given(run, tmp_path, monkeypatch):
    pushed = []
    monkeypatch.setattr(exporting, "push", lambda *given: pushed.append(given) or "there")
    assert exporting.main([str(run), str(tmp_path / "a")]) == 0
    assert pushed == []
    assert exporting.main([str(run), str(tmp_path / "b"), "--push", "me/student"]) == 0
    assert pushed == [(tmp_path / "b", "me/student")]


@pytest.mark.parametrize(
    "command_of", [lambda f: solve.main([f, "?"]), lambda f: exporting.main([f, f + "/x"])]
)
def test_a_folder_that_is_no_run_is_refused(command_of, tmp_path, capsys):
    assert command_of(str(tmp_path)) == 2
    assert "no readable run.json" in capsys.readouterr().err


def test_a_student_that_is_gone_from_the_store_is_named(run, tmp_path, capsys):
    for folder in (tmp_path / "store" / "stages" / "train").glob("*[!k]"):
        if folder.is_dir():
            folder.rename(folder.with_suffix(".gone"))
    assert solve.main([str(run), "?"]) == 2
    assert "stage train is no longer in the store" in capsys.readouterr().err
