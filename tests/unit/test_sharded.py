"""A student in shards on two ranks trains to the weights that one process trains to."""

import os
import socket
from itertools import product
from multiprocessing import get_context

import pytest
import torch

from mdexp.students.prompts import Renderer
from mdexp.training.fit import CHECKPOINTS, fit
from mdexp.training.module import MixedDistillation
from mdexp.training.objectives.dual import DualObjective
from mdexp.training.ranks import other_ranks
from mdexp.training.resume import newest_checkpoint, saved_state
from tests.tiny_run import SEED, examples, tiny, trainer

DUAL = DualObjective(lambda_thought="cot", normalize="token", pairing="both")
# Small micro-batches, so that the ranks have unlike numbers of them; a checkpoint each step.
OPTIONS = {"max_steps": 4, "checkpoint_steps": 1, "micro_batch_tokens": 300}
TWO = {"strategy": "fsdp", "devices": 2}
LORA = {"tuning": "lora", "lora_dropout": 0.3}


class Stopped(Exception):
    """As if the process had been killed."""


def trained(folder, student, options, numbers=None, stop_at=None):
    """Weights by name, the losses and the counts of a training."""
    step = MixedDistillation.training_step

    def stopping(module, *arguments):
        if module.global_step == stop_at:
            raise Stopped
        return step(module, *arguments)

    MixedDistillation.training_step = stopping
    student = tiny(**{"kind": "causal"} | student)
    loaded = student.load(SEED)
    try:
        model, history, counts = fit(
            loaded,
            examples(Renderer(loaded[1], student.kind, student.prompt)),
            student=student,
            shares={"cot": 0.5, "pot": 0.5},
            objective=DUAL,
            trainer=trainer(**OPTIONS | options),
            seed=SEED,
            folder=folder,
            **numbers or {"precision": "32-true"},
        )
    except Stopped:
        return None
    finally:
        MixedDistillation.training_step = step
    weights = {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}
    return weights, [row["loss"] for row in history], counts


def serve(rank, port, pipe):
    """Train what comes through the pipe, as a rank of two."""
    torch.set_num_threads(1)
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for arguments in iter(pipe.recv, None):
        found = trained(*arguments)
        pipe.send(found if rank == 0 else None)


@pytest.fixture(scope="module")
def on_two_ranks():
    """`trained` by two processes, which serve all tests of this file."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.unit.test_sharded"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    pairs = [context.Pipe() for _ in range(2)]
    ranks = [
        context.Process(target=serve, args=(rank, port, theirs))
        for rank, (_, theirs) in enumerate(pairs)
    ]
    for rank, (_, theirs) in zip(ranks, pairs, strict=True):
        rank.start()
        theirs.close()

    def ask(*arguments):
        for ours, _ in pairs:
            ours.send(arguments)
        found, _ = [ours.recv() for ours, _ in pairs]
        return found

    yield ask
    for (ours, _), rank in zip(pairs, ranks, strict=True):
        ours.send(None)
        rank.join(5)
        rank.kill()


def assert_same(found, expected, *, within=1e-6):
    weights, losses, counts = found
    assert losses == pytest.approx(expected[1], rel=within)
    rounded = {"layout_difference_nats": 0}
    assert counts | rounded == expected[2] | rounded
    assert weights.keys() == expected[0].keys()
    for name, values in expected[0].items():
        torch.testing.assert_close(weights[name], values, rtol=10 * within, atol=within, msg=name)


@pytest.mark.parametrize(
    ("tuning", "again", "layout"),
    product(["full", "lora", "dora"], [False, True], ["tree", "separate"]),
)
def test_shards_train_to_the_weights_of_one_process(tuning, again, layout, on_two_ranks, tmp_path):
    options = {"activation_checkpointing": again, "layout": layout}
    one = trained(tmp_path / "one", {"tuning": tuning}, options)
    two = on_two_ranks(tmp_path / "two", {"tuning": tuning}, options | TWO)
    assert_same(two, one)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_so_do_those_of_a_seq2seq_student(tuning, on_two_ranks, tmp_path):
    student = {"kind": "seq2seq", "tuning": tuning}
    one = trained(tmp_path / "one", student, {})
    assert_same(on_two_ranks(tmp_path / "two", student, TWO), one)


def test_a_base_in_bfloat16_is_sharded_beside_adapters_in_float32(on_two_ranks, tmp_path):
    numbers = {"precision": "bf16-mixed", "base_dtype": "bfloat16"}
    one = trained(tmp_path / "one", {"tuning": "lora"}, {}, numbers)
    two = on_two_ranks(tmp_path / "two", {"tuning": "lora"}, TWO, numbers)
    assert_same(two, one, within=1e-3)


def test_a_stopped_training_goes_on_to_the_same_bits(on_two_ranks, tmp_path):
    """With dropout, from shards that hold trained weights alone."""
    whole = on_two_ranks(tmp_path / "whole", LORA, TWO)
    assert on_two_ranks(tmp_path / "stopped", LORA, TWO, None, 3) is None
    left = sorted(file.name for file in (tmp_path / "stopped" / CHECKPOINTS).iterdir())
    assert left == ["step=2.ckpt", "step=3.ckpt"]
    found = on_two_ranks(tmp_path / "stopped", LORA, TWO)
    assert found[1:] == whole[1:]
    assert all(torch.equal(found[0][name], values) for name, values in whole[0].items())


@pytest.mark.parametrize(("kind", "tuning"), [("causal", "lora"), ("seq2seq", "full")])
def test_another_number_of_ranks_goes_on(kind, tuning, on_two_ranks, tmp_path, caplog, monkeypatch):
    """One rank after two, which are no longer there; also of weights that are tied."""
    student = {"kind": kind, "tuning": tuning}
    one = trained(tmp_path / "one", student, {})
    assert on_two_ranks(tmp_path / "two", student, TWO, None, 2) is None
    monkeypatch.setenv("WORLD_SIZE", "1")  # of torchrun, which a sweep's next training reads
    before = dict(os.environ)
    with other_ranks(1, trained):
        found = trained(tmp_path / "two", student, {"strategy": "fsdp"})
    assert not torch.distributed.is_initialized() and dict(os.environ) == before
    assert "was written by 2 ranks and 1 go on" in caplog.text
    assert_same(found, one)


def test_a_checkpoint_in_shards_is_read_whole_and_a_torn_one_passed_over(on_two_ranks, tmp_path):
    on_two_ranks(tmp_path, {"tuning": "lora"}, TWO)
    older, newer = (tmp_path / CHECKPOINTS / f"step={step}.ckpt" for step in (3, 4))
    state = saved_state(newer)
    assert state["global_step"] == 4
    assert all(name.startswith("student.") and "lora_" in name for name in state["state_dict"])
    assert any(values.abs().max() > 0 for values in state["state_dict"].values())
    (newer / "meta.pt").unlink()  # what is written last
    assert newest_checkpoint(tmp_path / CHECKPOINTS, state["identity"]) == (older, 3)
