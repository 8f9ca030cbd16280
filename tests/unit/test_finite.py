"""A training stops within the step that is not finite, and keeps the checkpoint before it."""

import math
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mdexp.students.weights import Weights
from mdexp.training.checkpoint_student import student_of_checkpoint
from mdexp.training.finite import NotFinite, judge_step, judge_weights
from mdexp.training.fit import CHECKPOINTS
from mdexp.training.module import MixedDistillation
from tests.tiny_run import SEED, tiny
from tests.unit.test_fit import logits, trained

OPTIONS = {"max_steps": 6, "checkpoint_steps": 1}


def poison(monkeypatch, at_step, *, gradient=False, thought=0):
    """From `at_step` on a loss of the thought, or a gradient alone, is NaN."""
    backward = MixedDistillation._backward

    def poisoned(module, micro):
        sums = backward(module, micro)
        if module.global_step < at_step:
            return sums
        if gradient:
            next(p for p in module.student.parameters() if p.grad is not None).grad[0] = math.nan
            return sums
        sums[0] = sums[3 + 3 * thought] = math.nan
        return sums

    monkeypatch.setattr(MixedDistillation, "_backward", poisoned)


@pytest.mark.parametrize(("thought", "name"), [(0, "nll_cot"), (1, "nll_pot")])
def test_a_loss_stops_the_training_and_says_where(thought, name, tmp_path, monkeypatch):
    poison(monkeypatch, 3, thought=thought)
    with pytest.raises(NotFinite) as caught:
        trained(tiny("causal"), tmp_path, **OPTIONS, learning_rate=0.0125)
    said = str(caught.value)
    assert said.startswith(f"step 3: loss and {name} not finite (loss nan, ")
    assert "learning rate 0.0125; gradient norm " in said
    assert ", largest finite gradient " in said
    assert "Try a lower trainer.learning_rate" in said
    assert f"The last checkpoint is {tmp_path / CHECKPOINTS / 'step=3.ckpt'}" in said


def test_a_gradient_stops_the_training_and_is_named(tmp_path, monkeypatch):
    poison(monkeypatch, 1, gradient=True)
    with pytest.raises(NotFinite, match=r"step 1: a gradient not finite .*; not finite in 1, the"):
        trained(tiny("causal"), tmp_path, **OPTIONS)
    weights = torch.load(tmp_path / CHECKPOINTS / "step=1.ckpt", weights_only=True)["state_dict"]
    assert all(torch.isfinite(weight).all() for weight in weights.values())


def test_without_a_checkpoint_the_message_says_so(tmp_path, monkeypatch):
    poison(monkeypatch, 0)
    with pytest.raises(NotFinite, match="No checkpoint was written before"):
        trained(tiny("causal"), tmp_path, **OPTIONS)


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
@pytest.mark.parametrize("tuning", ["full", "lora", "dora"])
def test_the_last_good_student_is_had_from_its_checkpoint(kind, tuning, tmp_path, monkeypatch):
    student = tiny(kind, tuning=tuning)
    whole, *_ = trained(student, tmp_path / "whole", max_steps=2)
    poison(monkeypatch, 2)
    with pytest.raises(NotFinite) as caught:
        trained(student, tmp_path / "stopped", **OPTIONS)
    file = Path(re.search(r"The last checkpoint is (\S+);", str(caught.value))[1])
    (model, _), step = student_of_checkpoint(Weights(student=student, seed=SEED), file)
    assert step == 2
    torch.testing.assert_close(logits(model), logits(whole.eval()), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="of another student, or of another tuning"):
        student_of_checkpoint(Weights(student=tiny(kind, layers=1, tuning=tuning), seed=SEED), file)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(ValueError, match="no readable checkpoint"):
        student_of_checkpoint(Weights(student=tiny("causal"), seed=SEED), tmp_path / "file")


def test_weights_that_are_not_finite_reach_no_checkpoint(tmp_path):
    layer = torch.nn.Linear(2, 2)
    judge_weights(7, layer.named_parameters())
    with torch.no_grad():
        layer.bias[1] = math.inf
    with pytest.raises(NotFinite, match="step 7: the weights of bias are not finite"):
        judge_weights(7, layer.named_parameters())


ROW = {"step": 4, "loss": 1.0, "nll_cot": 1.0, "learning_rate": 1e-4}


@pytest.mark.parametrize(
    ("loss", "norm", "scale", "stops"),
    [
        (1.0, 1.0, 1.0, False),
        (1.0, math.inf, 65536.0, False),
        (1.0, math.inf, 1.0, True),
        (math.nan, 1.0, 65536.0, True),
        (math.inf, 1.0, 1.0, True),
    ],
)
def test_float16_may_overflow_until_its_scale_is_down(loss, norm, scale, stops):
    try:
        judge_step(ROW | {"loss": loss}, norm, scale, [])
    except NotFinite:
        assert stops
    else:
        assert not stops


@pytest.mark.parametrize("scale", [None, 2.0**16])
def test_scaled_gradients_are_clipped_at_the_scaled_limit(scale):
    """With float16 the gradients are scaled until the optimiser steps."""
    layer = torch.nn.Linear(3, 1, bias=False)
    layer.weight.grad = torch.tensor([[3.0, 0.0, 4.0]]) * (scale or 1.0)
    plugin = SimpleNamespace(scaler=scale and SimpleNamespace(get_scale=lambda: scale))
    module = SimpleNamespace(
        trainer=SimpleNamespace(precision_plugin=plugin, model=layer),
        student=layer,
        adapters={},
        options=SimpleNamespace(clip_norm=1.0),
    )
    module._loss_scale = lambda: MixedDistillation._loss_scale(module)
    assert MixedDistillation._clip(module) == pytest.approx(5.0)
    torch.testing.assert_close(
        layer.weight.grad / (scale or 1.0), torch.tensor([[0.6, 0.0, 0.8]]), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "step 3: the weights of student.model"),
        ({"validate_every": 3, "validate_problems": 1}, "after step 2: not finite on held-out"),
    ],
)
def test_what_the_last_step_left_is_judged_as_well(options, said, tmp_path, monkeypatch):
    """Else the student, or a history without a number, would be found out after everything."""
    step = torch.optim.AdamW.step

    def overflown(optimizer, *args, **kwargs):
        done = step(optimizer, *args, **kwargs)
        state = next(iter(optimizer.state.values()))
        if int(state["step"]) == 3:
            with torch.no_grad():
                optimizer.param_groups[0]["params"][0].fill_(math.nan)
        return done

    monkeypatch.setattr(torch.optim.AdamW, "step", overflown)
    with pytest.raises(NotFinite, match=said):
        trained(tiny("causal"), tmp_path, max_steps=3, **options)
