"""Two processes that train together give the student that one gives."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from mdexp.artifacts import read_json, read_jsonl
from tests.e2e.conftest import SMALL

TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
# Small micro-batches, so that the ranks have unlike numbers of them.
MORE = ["stages=[prepare,extract,verify,examples,train]", "trainer.micro_batch_tokens=400"]


def run(problems, tmp_path, *overrides):
    """The command in a process of its own, as people run it."""
    return subprocess.Popen(
        [sys.executable, "-m", "mdexp.run", *overrides, *SMALL, *MORE, f"dataset.path={problems}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def trained(tmp_path, folder):
    """History and final weights of a run."""
    stages = {s["name"]: s for s in read_json(tmp_path / folder / "run.json")["stages"]}
    assert stages["train"]["state"] == "run"
    weights = tmp_path / "store" / "stages" / "train" / stages["train"]["key"] / "student"
    history = read_jsonl(tmp_path / folder / "history.jsonl", dict)
    return history, load_file(weights / "model.safetensors")


def test_two_processes_equal_one(problems, tmp_path):
    """Also for the second training of a process, within a sweep."""
    sweep = ["-m", "lambda=1,0.5", "hydra.sweep.dir=two"]
    for overrides in (["hydra.run.dir=one"], [*sweep, *TWO]):
        process = run(problems, tmp_path, *overrides)
        _, error = process.communicate(timeout=200)
        assert process.returncode == 0, error
    (expected, weights), (history, again) = (trained(tmp_path, name) for name in ("one", "two/1"))
    assert len(history) == len(expected) == 2
    for row, other in zip(history, expected, strict=True):
        assert row == pytest.approx(other, rel=1e-6)
    for name, values in weights.items():
        torch.testing.assert_close(again[name], values, rtol=1e-6, atol=1e-7, msg=name)


def test_a_signal_ends_both(problems, tmp_path):
    long = ["trainer.max_steps=100000", "trainer.checkpoint_steps=1", "hydra.run.dir=run"]
    process = run(problems, tmp_path, *TWO, *long)
    pattern = "store/stages/train/*.partial/checkpoints/step=*.ckpt"
    while not list(tmp_path.glob(pattern)) and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    _, error = process.communicate(timeout=60)  # until the last process has closed the pipe
    assert process.returncode == 143, error
    assert list(tmp_path.glob(pattern))
