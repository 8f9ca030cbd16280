"""The memory of a training step by fake tensors, beside what the allocator reports of a real one.

Bytes are counted, nothing is timed.
"""

from itertools import accumulate

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from mdexp.students.adapters import adapted
from mdexp.students.frozen import frozen_base
from mdexp.students.live_bytes import held_bytes
from mdexp.training.checkpointing import checkpoint_activations
from mdexp.training.memory import (
    largest_micro_batch,
    micro_batch_peak,
    num_scored,
    shared_out,
    training_memory,
)
from mdexp.training.module import adamw
from tests.tiny_run import SEED, tiny, trainer

WITHIN = 0.2  # of the measured peak of activations


def planned(student, options, **how):
    exact = {"precision": "32-true", "base_dtype": "float32"}
    return training_memory(student, student.config(), options, **exact | how)


def real(student, options):
    if student.tuning == "qlora":
        pytest.importorskip("bitsandbytes", reason="qlora needs the extra `qlora`")
    tuned = adapted(student.load(SEED)[0], student, frozen=frozen_base(student, "float32"))
    plain = (tuned if student.tuning == "full" else tuned.get_base_model()).train()
    if options.activation_checkpointing:
        checkpoint_activations(plain)
    return plain


def allocated(model, student, options):
    """The most bytes that the allocator had given away within a micro-batch, beside gradients."""
    batch = largest_micro_batch(student, options)
    of = (model, student.kind, batch, num_scored(batch), "32-true")
    micro_batch_peak(*of)  # what is made once, is made
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        counted = micro_batch_peak(*of)
    events = seen.profiler.kineto_results.events()
    sizes = [event.nbytes() for event in events if event.name() == "[memory]"]
    return counted, max(accumulate(sizes))


@pytest.mark.parametrize("length", [128, 256])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("layout", ["tree", "separate"])
@pytest.mark.parametrize("tuning", ["full", "lora", "qlora"])
def test_activations_are_what_a_real_step_takes(tuning, layout, again, length):
    student = tiny("causal", tuning=tuning, hidden_size=64)
    options = trainer(
        layout=layout,
        activation_checkpointing=again,
        max_tokens=length,
        micro_batch_tokens=2 * length,
    )
    model, found = real(student, options), planned(student, options)
    assert found.weights == held_bytes(model)
    counted, measured = allocated(model, student, options)
    transient = found.activations + found.gradients
    assert transient == pytest.approx(counted, rel=1e-4), "fake and real make the same tensors"
    assert abs(transient / measured - 1) < WITHIN


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_weights_gradients_and_optimiser_are_exact(kind, tuning):
    student = tiny(kind, tuning=tuning)
    model, found = real(student, trainer()), planned(student, trainer())
    optimizer = adamw(model, trainer(), fused=True)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    state = [tensor for of in optimizer.state.values() for tensor in of.values()]
    assert found.weights == held_bytes(model)
    assert found.gradients == sum(p.grad.nbytes for p in model.parameters() if p.grad is not None)
    assert found.optimizer == sum(tensor.nbytes for tensor in state)


def test_devices_share_out_what_their_strategy_lets_them():
    alone = planned(tiny("causal", layers=4), trainer())
    ddp, fsdp = (shared_out(alone, strategy, 4) for strategy in ("ddp", "fsdp"))
    assert shared_out(alone, "ddp", 1) == alone
    assert (ddp.weights, ddp.communication) == (alone.weights, alone.gradients)
    assert fsdp.optimizer == -(-alone.optimizer // 4)
    assert 0 < fsdp.communication < alone.weights
