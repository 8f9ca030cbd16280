"""Two processes that train together give the student that one gives."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from tests.e2e.conftest import SMALL

TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
# Small micro-batches, so that the ranks have unlike numbers of them.
MORE = ["stages=[prepare,extract,verify,examples,train]", "trainer.micro_batch_tokens=400"]


def run(problems, tmp_path, *overrides):
    """The command in a process of its own, as people run it."""
    return subprocess.Popen(
        [sys.executable, "-m", "mdexp.run", *SMALL, *MORE, f"dataset.path={problems}", *overrides],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def trained(tmp_path, folder, store="store", weights="model.safetensors"):
    """History and final weights of a run."""
    stages = {s["name"]: s for s in read_json(tmp_path / folder / "run.json")["stages"]}
    assert stages["train"]["state"] == "run"
    student = tmp_path / store / "stages" / "train" / stages["train"]["key"] / "student"
    history = read_jsonl(tmp_path / folder / "history.jsonl", dict)
    return history, load_file(student / weights)


def test_two_processes_equal_one(problems, tmp_path):
    """Also for the second training of a process, within a sweep, and on held-out examples."""
    held_out = ["trainer.validate_every=2", "trainer.validate_problems=3"]
    sweep = ["-m", "lambda=1,0.5", "hydra.sweep.dir=two"]
    for overrides in (["hydra.run.dir=one"], [*sweep, *TWO]):
        process = run(problems, tmp_path, *overrides, *held_out)
        told, _ = process.communicate(timeout=200)
        assert process.returncode == 0, told
    (expected, weights), (history, again) = (trained(tmp_path, name) for name in ("one", "two/1"))
    assert len(history) == len(expected) == 2
    assert "validation_nll_cot" in history[1]
    for row, other in zip(history, expected, strict=True):
        assert row == pytest.approx(other, rel=1e-6)
    for name, values in weights.items():
        torch.testing.assert_close(again[name], values, rtol=1e-6, atol=1e-7, msg=name)


def test_a_signal_ends_both_and_both_go_on(problems, tmp_path):
    """Bit for bit, with dropout."""
    dropout = ["student.tuning=lora", "student.lora_dropout=0.3"]
    command = [*TWO, *dropout, "trainer.max_steps=20", "trainer.checkpoint_steps=1"]
    process = run(problems, tmp_path, *command, "hydra.run.dir=stopped")
    pattern = "store/stages/train/*.partial/checkpoints/step=*.ckpt"
    while not list(tmp_path.glob(pattern)) and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    told, _ = process.communicate(timeout=60)  # until the last process has closed the pipe
    assert process.returncode == 143, told
    assert list(tmp_path.glob(pattern))
    for again in (["hydra.run.dir=resumed"], ["hydra.run.dir=whole", "store=other"]):
        process = run(problems, tmp_path, *command, *again)
        told, _ = process.communicate(timeout=200)
        assert process.returncode == 0, told
        assert ("training goes on after step" in told) == ("store=other" not in again), told
    adapters = "adapter_model.safetensors"
    history, weights = trained(tmp_path, "resumed", weights=adapters)
    expected, whole = trained(tmp_path, "whole", "other", adapters)
    assert history == expected
    assert all(torch.equal(weights[name], values) for name, values in whole.items())
