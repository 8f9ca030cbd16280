"""One experiment from problems to report: what it leaves, and that nothing is done twice."""

import itertools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from mdexp.commands.run import main
from mdexp.decoding.row_batch import RowBatch
from mdexp.records import Example, Generation, Problem, VerifiedPath, Vote
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from tests.e2e.conftest import SMALL, states
from tests.tiny_run import SEED, tiny

STAGES = ["prepare", "extract", "verify", "examples", "train", "before", "after", "score"]
FILES = {f"{name}.jsonl" for name in (
    "problems", "paths", "verified", "rejected", "examples", "unused", "generations", "votes",
)} | {"run.json", "metrics.json", "report.md", "report.html"}  # fmt: skip


def test_a_run_leaves_what_it_says_and_a_second_does_nothing(command, tmp_path, capsys):
    assert command("hydra.run.dir=first", "decoding.num_paths=2") == 0
    first = tmp_path / "first"
    assert {file.name for file in first.iterdir()} >= FILES
    assert states(first) == dict.fromkeys(STAGES, "run")
    manifest = read_json(first / "run.json")
    assert manifest.keys() >= {"versions", "commit", "seed", "settings", "stages"}
    versions = manifest["versions"]
    assert (
        versions["torch"] == torch.__version__ and versions["pytorch-lightning"] == pl.__version__
    )
    assert all({"name", "key", "seconds", "state"} <= stage.keys() for stage in manifest["stages"])
    assert manifest["state"] == "done"
    splits = [problem.split for problem in read_jsonl(first / "problems.jsonl", Problem)]
    assert [splits.count(s) for s in ("train", "validation", "test")] == [12, 3, 4]
    generations = read_jsonl(first / "generations.jsonl", Generation)
    # Two thoughts before and after: greedy for 3 + 4 problems, two samples for the 4 of the test.
    assert len(generations) == 2 * 2 * (3 + 4 + 2 * 4)
    # Before and after: all thoughts together, and each by itself where it was sampled.
    assert len(read_jsonl(first / "votes.jsonl", Vote)) == 2 * ((3 + 4) + 2 * 4)
    metrics = read_json(first / "metrics.json")
    assert list(metrics) == ["jsonl", "jsonl/validation"]
    row = metrics["jsonl"]["after"]["vote"]
    assert row.keys() >= {"n", "correct", "accuracy", "ci95", "ties", "num_paths"}
    assert row["n"] == 4
    assert "tie-break" not in capsys.readouterr().out, "with samples it is a vote"

    assert command("hydra.run.dir=second", "decoding.num_paths=2") == 0
    second = tmp_path / "second"
    assert states(second) == dict.fromkeys(STAGES, "skipped")
    for name in ("generations.jsonl", "metrics.json", "history.csv"):
        assert (second / name).read_bytes() == (first / name).read_bytes()


def test_an_earlier_run_is_scored_again_without_a_generation(command, tmp_path):
    assert command("hydra.run.dir=run", "seed=3") == 0
    folder = tmp_path / "run"
    before = read_json(folder / "metrics.json")
    (folder / "report.html").unlink()
    for file in (tmp_path / "store" / "stages" / "score").glob("*/stage.json"):
        file.unlink()  # as after a change of the grader
    assert main([f"run={folder}", "stages=[score,report]"]) == 0
    assert (folder / "report.html").is_file()
    assert read_json(folder / "metrics.json") == before
    manifest = read_json(folder / "run.json")
    assert [stage["name"] for stage in manifest["stages"]] == STAGES, "how it came about is kept"
    assert manifest["settings"]["seed"] == 3


def test_a_run_that_fails_says_how_far_it_came(command, tmp_path, capsys):
    assert command("hydra.run.dir=run", "trainer.max_tokens=135") == 2  # the prompts alone fit
    assert "so nothing can be trained" in capsys.readouterr().err
    manifest = read_json(tmp_path / "run" / "run.json")
    assert manifest["state"] == "failed"
    assert list(states(tmp_path / "run")) == ["prepare", "extract", "verify", "examples"]
    assert manifest["stages"][-1]["counts"]["dropped"] == {"too_long": 24}


@pytest.mark.parametrize("how", ["default", "stepwise", "search decoding.search.budget=400"])
def test_decoding_goes_on_behind_the_batches_of_a_killed_run(how, command, tmp_path, monkeypatch):
    def run(name, store, dies_at=None):
        batches = itertools.count()

        def written(batch, *until):
            if next(batches) == dies_at:
                raise OSError("the machine went away")
            return write(batch, *until)

        monkeypatch.setattr(RowBatch, "run", written)
        few = ["decoding.batch_size=2", "decoding.num_validation=0", "decoding.num_paths=1"]
        return command(*f"decoding={how}".split(), *few, f"hydra.run.dir={name}", f"store={store}")

    write = RowBatch.run
    assert run("whole", "other") == 0
    assert run("killed", "store", dies_at=13) == 1  # 8 batches, and some after training
    assert states(tmp_path / "killed") == dict.fromkeys(STAGES[:6], "run")
    assert run("resumed", "store") == 0
    whole, resumed = (tmp_path / name / "outputs_after.jsonl" for name in ("whole", "resumed"))
    assert resumed.read_bytes() == whole.read_bytes()
    [after] = [
        s for s in read_json(tmp_path / "resumed/run.json")["stages"] if s["name"] == "after"
    ]
    assert after["counts"]["answers_kept_by_a_killed_run"] > 0
    assert not list((tmp_path / "store").rglob("answers.jsonl"))
    page = (tmp_path / "resumed" / "report.html").read_text(encoding="utf-8")
    assert ('<svg class="tree"' in page) == how.startswith("search")


@pytest.mark.parametrize("before", ["", "extract,verify,"])
def test_an_untrained_student_is_reported(before, command, tmp_path, capsys):
    assert command("hydra.run.dir=run", f"stages=[prepare,{before}generate,score,report]") == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert ("From teacher paths" in page) == bool(before) and 'id="results"' in page
    markdown = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert ("Teacher: no verified paths" in markdown) == (not before)
    assert "before, %" in capsys.readouterr().out


def test_a_report_of_nothing_is_refused_before_anything_is_asked(command, tmp_path, capsys):
    assert command("hydra.run.dir=run", "stages=[prepare,extract,verify,report]") == 2
    assert "report reads generations.jsonl, which is not there: add the stage that" in (
        capsys.readouterr().err
    )
    assert states(tmp_path / "run") == {}


def test_stages_that_are_missing_are_named(command, capsys):
    assert command("hydra.run.dir=run", "stages=[prepare,verify]") == 2
    error = capsys.readouterr().err
    assert "verify reads paths.jsonl, which is not there: add the stage that writes it" in error


def test_nothing_is_bought_for_a_stage_that_lacks_its_input(command, capsys):
    assert command("hydra.run.dir=run", "stages=[prepare,extract,train]") == 2
    assert "train reads examples.jsonl, which is not there" in capsys.readouterr().err
    assert states(Path("run")) == {}


def test_a_student_that_reads_with_an_encoder(command, tmp_path):
    assert command("hydra.run.dir=run", "student=tiny_seq2seq") == 0
    assert (tmp_path / "run" / "report.html").is_file()


def test_three_thoughts_train_and_vote(command, tmp_path):
    cascade = ["vote=cascade", "vote.order=[eot,pot]", "trainer.max_steps=1"]
    assert command("experiment=etd", *cascade, "hydra.run.dir=run") == 0
    folder = tmp_path / "run"
    verified = Counter(path.thought for path in read_jsonl(folder / "verified.jsonl", VerifiedPath))
    assert verified == {"cot": 12, "pot": 12, "eot": 12}, "of each worked path the answer is gold"
    examples = read_jsonl(folder / "examples.jsonl", Example)
    assert {e.target.split("\n")[-1] for e in examples if e.thought == "eot"} == {"ans = x"}
    rows = read_json(folder / "metrics.json")["jsonl"]["after"]
    assert list(rows) == ["cot", "pot", "eot", "vote"]
    votes = read_jsonl(folder / "votes.jsonl", Vote)
    assert {(vote.rule, *vote.order) for vote in votes} == {("cascade", "eot", "pot")}
    assert "by cascade eot, pot." in (folder / "report.md").read_text()


@pytest.mark.parametrize(("name", "kind"), [("codellama", "causal"), ("t5_large", "seq2seq")])
def test_a_student_from_a_folder(name, kind, command, tmp_path):
    """The configuration of a 7B or 770M student, with weights that fit a test."""
    for part in tiny(kind).load(SEED):
        part.save_pretrained(tmp_path / "weights")
    assert command("hydra.run.dir=run", f"student={name}", "student.path=weights") == 0
    assert states(tmp_path / "run") == dict.fromkeys(STAGES, "run")
    assert (tmp_path / "run" / "report.html").is_file()
    left = {file.name for file in (tmp_path / "store").glob("stages/train/*/student/*")}
    assert ("adapter_model.safetensors" in left) == (name == "codellama")


def test_the_command_on_generated_problems(tmp_path):
    """In a process of its own, as people run it."""
    pytest.importorskip("reasoning_gym")
    overrides = ["dataset=gsm_symbolic", "dataset.limit_train=12", "dataset.limit_test=6"]
    small = [override for override in SMALL if not override.startswith("dataset")]
    done = subprocess.run(
        [sys.executable, "-m", "mdexp.run", *small, *overrides, "hydra.run.dir=run"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {file.name for file in (tmp_path / "run").iterdir()} >= FILES
    assert f"report: {tmp_path / 'run' / 'report.html'}" in done.stdout
    assert read_json(tmp_path / "run" / "metrics.json")["gsm_symbolic"]["after"]["cot"]["n"] == 6
