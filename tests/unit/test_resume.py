"""A training that is killed, and started again as often as it takes, ends in the same bits."""

import os
import random
import shutil
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mdexp.commands.signals import signals_as_exits
from mdexp.students.load import Kind
from mdexp.students.prompts import Renderer
from mdexp.training import resume
from mdexp.training.fit import CHECKPOINTS, fit
from mdexp.training.module import MixedDistillation
from mdexp.training.objectives.dual import DualObjective
from mdexp.training.resume import (
    DurableCheckpointIO,
    newest_checkpoint,
    random_state,
    set_random_state,
)
from tests.tiny_run import SEED, examples, tiny, trainer

NUM_STEPS = 40
EVERY = 3
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGKILL, signal.SIGINT)
DUAL = DualObjective(lambda_thought="cot", normalize="token", pairing="both")
OPTIONS = {
    "max_steps": NUM_STEPS,
    "checkpoint_steps": EVERY,
    "schedule": "linear",
    "warmup": 0.4,
    "learning_rate": 3e-3,
}


def train(folder: Path, kind: Kind, tell=None) -> None:
    """One attempt, in a process of its own; `tell` hears of each step before it is taken."""
    torch.set_num_threads(1)
    if tell:
        step = MixedDistillation.training_step

        def told(module, *args):
            tell.send(module.global_step)
            return step(module, *args)

        MixedDistillation.training_step = told
    student = tiny(kind, tuning="lora", lora_dropout=0.3)
    loaded = student.load(SEED)
    with signals_as_exits():
        model, history, _ = fit(
            loaded,
            examples(Renderer(loaded[1], student.kind, student.prompt)),
            student=student,
            shares={"cot": 0.5, "pot": 0.5},
            objective=DUAL,
            trainer=trainer(**OPTIONS),
            seed=SEED,
            precision="32-true",
            folder=folder,
        )
    rows = {"loss": torch.tensor([row["loss"] for row in history], dtype=torch.float64)}
    weights = {name: p.contiguous() for name, p in model.named_parameters() if p.requires_grad}
    save_file(weights | rows, folder / "final")


@pytest.fixture(scope="module")
def processes():
    """Processes that begin with everything imported and nothing computed."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["mdexp.training.fit", "tests.unit.test_resume"])
    return context


def uninterrupted(processes, folder, kind):
    process = processes.Process(target=train, args=(folder, kind))
    process.start()
    process.join(120)
    assert process.exitcode == 0
    return load_file(folder / "final")


def attempt(processes, folder, kind, number, at_step, delay_s):
    """Train, and send a signal `delay_s` after step `at_step` began; the exit code."""
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=train, args=(folder, kind, theirs))
    process.start()
    theirs.close()
    try:
        while ours.recv() < at_step:
            pass
        time.sleep(delay_s)
        os.kill(process.pid, number)
    except EOFError:
        pass  # it ended before
    process.join(120)
    return process.exitcode


@pytest.mark.parametrize(("kind", "kills"), [("causal", 10), ("seq2seq", 3)])
def test_kills_leave_the_weights_of_an_uninterrupted_training(kind, kills, processes, tmp_path):
    whole = uninterrupted(processes, tmp_path / "whole", kind)
    dice = random.Random(SEED)
    done = 0
    for kill in range(kills):
        number = SIGNALS[kill % len(SIGNALS)]
        at_step = min(done + dice.randint(1, 2 * EVERY), NUM_STEPS - 2)
        code = attempt(processes, tmp_path, kind, number, at_step, dice.random() * 0.02)
        assert code == {signal.SIGTERM: 143, signal.SIGINT: 130}.get(number, -number)
        assert not (tmp_path / "final").exists()
        done = max(kept_steps(tmp_path), default=0)
        assert done >= at_step - at_step % EVERY - EVERY
    assert attempt(processes, tmp_path, kind, signal.SIGKILL, NUM_STEPS + 1, 0) == 0
    final = load_file(tmp_path / "final")
    assert final.keys() == whole.keys()
    assert all(torch.equal(final[name], weights) for name, weights in whole.items())


def kept_steps(folder):
    return sorted(int(file.stem[5:]) for file in (folder / CHECKPOINTS).glob("*.ckpt"))


@pytest.fixture(scope="module")
def left(processes, tmp_path_factory):
    """The folder of a training that was killed with two checkpoints."""
    folder = tmp_path_factory.mktemp("left")
    attempt(processes, folder, "causal", signal.SIGKILL, 3 * EVERY + 1, 0)
    return folder


def test_a_checkpoint_holds_plain_types_and_trained_weights_alone(left):
    steps = kept_steps(left)
    assert len(steps) == resume.KEPT
    assert steps == list(range(steps[0], steps[-1] + 1, EVERY))
    state = torch.load(left / CHECKPOINTS / f"step={steps[-1]}.ckpt", weights_only=True)
    assert state["global_step"] == steps[-1]
    assert state["state_dict"] and all("lora_" in name for name in state["state_dict"])
    assert set(state["random"][0]) >= {"torch", "python", "numpy"}


def identity_of(left):
    newest = max(kept_steps(left))
    return torch.load(left / CHECKPOINTS / f"step={newest}.ckpt", weights_only=True)["identity"]


@pytest.fixture
def two(left, tmp_path):
    """The older and the newer checkpoint, in a folder of their own."""
    shutil.copytree(left / CHECKPOINTS, tmp_path / CHECKPOINTS)
    return [tmp_path / CHECKPOINTS / f"step={step}.ckpt" for step in kept_steps(tmp_path)]


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_torn_checkpoint_is_passed_over(share, two, left, caplog):
    older, newer = two
    newer.write_bytes(newer.read_bytes()[: int(share * newer.stat().st_size)])
    assert newest_checkpoint(newer.parent, identity_of(left)) == (older, int(older.stem[5:]))
    assert f"{newer.name} passed over, it cannot be read" in caplog.text


def test_a_foreign_checkpoint_is_passed_over(two, left, caplog):
    older, newer = two
    torch.save({"identity": "another", "global_step": 9}, newer)
    torch.save([1], newer.with_name("step=99.ckpt"))
    newer.with_name("step=last.ckpt").write_text("no checkpoint")
    assert newest_checkpoint(newer.parent, identity_of(left)) == (older, int(older.stem[5:]))
    for name in (newer.name, "step=99.ckpt"):
        assert f"{name} passed over, it is of another training" in caplog.text
    assert newest_checkpoint(newer.parent, "") is None


def test_a_save_that_does_not_finish_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    file, io = tmp_path / "new" / "step=1.ckpt", DurableCheckpointIO()
    io.save_checkpoint({"weights": torch.ones(2)}, file)

    class Unsaveable:
        def __reduce__(self):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        io.save_checkpoint({"weights": torch.zeros(2), "more": Unsaveable()}, file)
    assert torch.equal(torch.load(file, weights_only=True)["weights"], torch.ones(2))


def test_every_generator_is_set_back():
    def draw():
        return torch.rand(2).tolist(), random.random(), np.random.random(), random.gauss()

    random.gauss()  # half of a pair is kept
    state = random_state()
    first = draw()
    assert draw() != first
    set_random_state(state)
    assert draw() == first
