"""A tree gives what separate sequences give: under adapters, checkpointing, bfloat16, on a GPU."""

from functools import partial

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GraniteConfig,
    MistralConfig,
    Qwen3Config,
)

from mdexp.students import branch_attention as attention
from mdexp.students.adapters import adapted
from mdexp.students.branch_attention import branch_attention
from mdexp.students.likelihood import weighted_loss
from mdexp.students.prompts import Renderer
from mdexp.training.layout import lay_out
from mdexp.training.layout_check import disagreement, exchanged_attention, probed
from mdexp.training.objective import example_weights
from tests.tiny_run import SEED, examples, tiny

LAYOUT = {
    "kind": "causal",
    "layout": "tree",
    "shares": None,
    "weigh": partial(example_weights, normalize="token"),
    "micro_batch_tokens": 4096,
    "pad_id": 0,
}
SIZES = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
}


@pytest.fixture(scope="module")
def step():
    return examples(Renderer(tiny("causal").load(SEED)[1], "causal", "plain"))


def family(config):
    torch.manual_seed(SEED)
    return AutoModelForCausalLM.from_config(config).eval()


def gradients(model, step, layout):
    model.zero_grad()
    with branch_attention(model):
        for batch in lay_out(step, **LAYOUT | {"layout": layout}):
            weighted_loss(model, "causal", **batch.reading())[0].backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_same_gradients(model, step, tolerance=1e-5):
    tree, separate = gradients(model, step, "tree"), gradients(model, step, "separate")
    assert tree and tree.keys() == separate.keys()
    for name, gradient in separate.items():
        assert (tree[name] - gradient).norm() <= tolerance * gradient.norm().clamp(min=1e-4), name


def test_adapters_get_the_gradients_of_separate_sequences(step):
    student = tiny("causal", tuning="lora")
    model = adapted(student.load(SEED)[0], student).get_base_model()
    assert_same_gradients(model, step)


def test_activation_checkpointing_changes_nothing(step):
    model = tiny("causal").load(SEED)[0].train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    assert_same_gradients(model, step)


def test_the_kernel_for_gpus_gives_the_same(step, monkeypatch):
    model = family(Qwen3Config(**SIZES))
    expected = gradients(model, step, "tree")
    monkeypatch.setattr(attention, "_by_products", attention._by_kernel)
    for name, gradient in gradients(model, step, "tree").items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "config",
    [
        Qwen3Config(**SIZES),
        GraniteConfig(**{k: v for k, v in SIZES.items() if k != "head_dim"}, logits_scaling=3.0),
        MistralConfig(**SIZES, sliding_window=4096),
    ],
    ids=["grouped queries", "scaled logits", "window that is wide"],
)
def test_families_agree_with_separate_sequences(config, step):
    model = family(config)
    with branch_attention(model):
        assert disagreement(model, "causal", step, LAYOUT)[0] < 1e-5
    assert_same_gradients(model, step, 1e-4)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (MistralConfig(**SIZES, sliding_window=50), "above its window of 50"),
        (Gemma2Config(**SIZES), "its attention uses softcap"),
    ],
)
def test_what_trees_cannot_do_is_refused(config, reason, step):
    model = family(config)
    layout = dict(LAYOUT)
    with exchanged_attention(model, layout):
        assert reason in probed(model, step, layout).doubt


def test_a_student_that_ignores_trees_is_found_out(step, monkeypatch):
    model = tiny("causal").load(SEED)[0]
    with branch_attention(model):
        assert probed(model, step, LAYOUT).doubt is None
        monkeypatch.setattr(
            attention, "_attend", lambda block, q, *_, **__: q[block.queries.flatten()]
        )
        assert "differ from those of layout=separate by" in probed(model, step, LAYOUT).doubt


def test_in_bfloat16_layouts_differ_by_rounding_alone(step):
    model = tiny("causal").load(SEED)[0]
    with branch_attention(model), torch.autocast("cpu", torch.bfloat16):
        difference, dtype = disagreement(model, "causal", step, LAYOUT)
        assert dtype is torch.bfloat16
        assert probed(model, step, LAYOUT).doubt is None
    assert 0 < difference < 0.05


def test_the_models_own_attention_comes_back():
    model = tiny("causal").load(SEED)[0]
    before = model.config._attn_implementation
    with branch_attention(model):
        assert model.config._attn_implementation == attention.NAME
    assert model.config._attn_implementation == before
