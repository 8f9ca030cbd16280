"""A base that is held in few bits: what is saved with its adapters, and what is refused."""

import importlib.util
from pathlib import Path

import pytest
import torch

from mdexp.store.files import read_json
from mdexp.students.frozen import RECORD, Frozen, judge_quantisation
from mdexp.students.load import save_folder
from mdexp.students.numerics import numerics
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights
from mdexp.training.checkpoint_student import student_of_checkpoint
from mdexp.training.fit import CHECKPOINTS, fit_from
from tests.tiny_run import SEED, examples, tiny, trainer
from tests.unit.test_fit import DUAL, SHARES, logits

HELD = {"qlora": Frozen(nf4=True), "lora": Frozen(dtype="bfloat16")}


def trained(tuning, folder: Path):
    if tuning == "qlora":
        pytest.importorskip("bitsandbytes", reason="qlora needs the extra `qlora`")
    student, halved = tiny("causal", tuning=tuning, base_dtype="auto"), HELD[tuning].dtype
    found, _, _ = fit_from(
        Weights(student=student, seed=SEED),
        examples(Renderer(student.tokenizer(), "causal", "plain")),
        student=student,
        shares=SHARES,
        objective=DUAL,
        trainer=trainer(checkpoint_steps=3, activation_checkpointing=True),
        seed=SEED,
        precision="bf16-mixed" if halved == "bfloat16" else "32-true",
        folder=folder,
        base_dtype=halved,
    )
    return student, found


@pytest.mark.parametrize("tuning", HELD)
def test_the_trained_student_has_the_base_that_it_was_trained_on(tuning, tmp_path):
    student, loaded = trained(tuning, tmp_path)
    save_folder(loaded, tmp_path / "student")
    HELD[tuning].record(tmp_path / "student")
    untrained = Weights(student=student, seed=SEED)
    again, _ = untrained.after_training(tmp_path / "student").load()
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=tuning == "lora")
    with torch.no_grad(), autocast:
        expected, found = logits(loaded[0]).float(), logits(again).float()
    bound = {"qlora": 1e-4, "lora": 5e-2}[tuning]  # what the products round to, not the base
    assert (found - expected).abs().max() < bound
    (tmp_path / "student" / RECORD).unlink()
    other, _ = untrained.after_training(tmp_path / "student").load()
    weight = "model.layers.0.mlp.up_proj.weight"
    assert not torch.equal(other.get_parameter(weight), again.get_parameter(weight))
    [checkpoint] = (tmp_path / CHECKPOINTS).glob("*.ckpt")
    (stopped, _), steps = student_of_checkpoint(untrained, checkpoint)
    assert steps == 3
    assert torch.equal(stopped.get_parameter(weight), again.get_parameter(weight))


def test_nothing_is_recorded_of_a_base_in_float32(tmp_path):
    Frozen().record(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert Frozen.recorded(tmp_path) == Frozen()
    Frozen(nf4=True).record(tmp_path)
    assert read_json(tmp_path / RECORD) == {"dtype": "float32", "nf4": True}


def test_without_bitsandbytes_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "mdexp\[qlora\]"'):
        judge_quantisation(tiny("causal").load(SEED)[0])


def test_a_student_without_linear_layers_is_refused():
    pytest.importorskip("bitsandbytes", reason="qlora needs the extra `qlora`")
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=64))
    with pytest.raises(ValueError, match=r"GPT2LMHeadModel has no torch\.nn\.Linear to quantise"):
        judge_quantisation(model)


def test_a_base_in_bfloat16_is_computed_in_bfloat16():
    asked = tiny("causal", tuning="lora", base_dtype="bfloat16")
    assert numerics("bf16-mixed", "cpu", asked).base_dtype == "bfloat16"
    with pytest.raises(ValueError, match=r"trainer\.precision is 32-true here"):
        numerics("32-true", "cpu", asked)
    assert numerics("bf16-mixed", "cpu", tiny("causal", tuning="lora")).base_dtype == "float32"


@pytest.mark.parametrize(
    ("tuning", "precision", "dtype"),
    [
        ("lora", "auto", "bfloat16"),
        ("qlora", "bf16-mixed", "bfloat16"),
        ("full", "auto", "float32"),
        ("lora", "32-true", "float32"),
        ("lora", "16-mixed", "float32"),
    ],
)
def test_where_a_gpu_is_frozen_weights_are_in_bfloat16(tuning, precision, dtype, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert numerics(precision, "auto", tiny("causal", tuning=tuning)).base_dtype == dtype
