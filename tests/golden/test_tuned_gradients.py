"""Loss and gradients of each tuning, with activations kept or computed again, in each layout.

The reference is the objective written down plainly, one sequence at a time, in float64: for a
frozen base that is held in fewer bits, over the values that those bits stand for.
"""

from contextlib import nullcontext
from functools import partial

import pytest
import torch

from mdexp.students.adapters import adapted
from mdexp.students.branch_attention import branch_attention
from mdexp.students.frozen import Frozen, quantised
from mdexp.students.likelihood import weighted_loss
from mdexp.students.prompts import Renderer
from mdexp.training.checkpointing import checkpoint_activations
from mdexp.training.layout import lay_out
from mdexp.training.objective import example_weights
from tests.tiny_run import SEED, examples, tiny

SHARES = {"cot": 0.3, "pot": 0.7}
# Of loss and gradients, relative to their norm. Under bfloat16 autocast both round: 3 significant
# digits a product; a base in bfloat16 has to add nothing to what autocast rounds anyway.
EXACT, ROUNDED = 2e-5, 5e-2
# T5's ReLU takes or leaves the gradient of a unit that is zero but for rounding.
KINK = 1e-3
PLAIN = Frozen()
HELD = {
    "full": ("full", PLAIN),
    "lora": ("lora", PLAIN),
    "dora": ("dora", PLAIN),
    "lora, bfloat16 base": ("lora", Frozen(dtype="bfloat16")),
    "dora, bfloat16 base": ("dora", Frozen(dtype="bfloat16")),
    "qlora": ("qlora", Frozen(nf4=True)),
    "qlora, bfloat16 rest": ("qlora", Frozen(nf4=True, dtype="bfloat16")),
}


def student(kind, held, *, checkpointing=False, autocast=False):
    """The inner model of a tuned student, as it trains."""
    tuning, frozen = HELD[held]
    if frozen.nf4:
        pytest.importorskip("bitsandbytes", reason="qlora needs the extra `qlora`")
    configured = tiny(kind, tuning=tuning, hidden_size=64)
    computed = "bfloat16" if autocast else "float32"
    model = _stirred(configured.load(SEED)[0], configured, frozen=frozen, compute=computed)
    if checkpointing:
        checkpoint_activations(model)
    plain = model if tuning == "full" else model.get_base_model()
    return plain.train()


def reference(kind, held, step):
    tuning, frozen = HELD[held]
    configured = tiny(kind, tuning="lora" if tuning == "qlora" else tuning, hidden_size=64)
    base = configured.load(SEED)[0]
    frozen.round(base)
    model = _stirred(base, configured)
    plain = (model if tuning == "full" else model.get_base_model()).double()
    nlls = {}
    for example in step:
        prompt, target = torch.tensor([example.prompt_ids]), torch.tensor([example.target_ids])
        if kind == "causal":
            logits = plain(torch.cat([prompt, target], dim=1)).logits[0, prompt.shape[1] - 1 : -1]
        else:
            logits = plain(input_ids=prompt, labels=target).logits[0]
        nlls.setdefault(example.thought, []).append(
            -logits.log_softmax(-1).gather(1, target.T)[:, 0]
        )
    loss = sum(SHARES[thought] * torch.cat(found).mean() for thought, found in nlls.items())
    loss.backward()
    return loss.item(), _gradients(plain)


def ours(model, kind, layout, step, *, autocast=False):
    batches = lay_out(
        step,
        SHARES,
        kind=kind,
        layout=layout,
        weigh=partial(example_weights, normalize="token"),
        micro_batch_tokens=600,
        pad_id=0,
    )
    assert len(batches) > 1
    total = 0.0
    with branch_attention(model) if kind == "causal" else nullcontext():
        for batch in batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                loss, _ = weighted_loss(model, kind, **batch.reading())
            loss.backward()
            total += loss.item()
    return total, _gradients(model)


def _stirred(base, student, **how):
    """An adapted model whose adapters are not at zero. They are drawn here: peft draws them in the
    type of the base."""
    model = adapted(base, student, **how)
    torch.manual_seed(SEED)
    for name, parameter in sorted(model.named_parameters()):
        if "lora_A" in name or "lora_B" in name:
            parameter.data = 0.1 * torch.randn(parameter.shape)
    return model


def _gradients(model):
    trained = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    assert all(grad is not None for grad in trained.values())
    return torch.cat([trained[name].double().flatten() for name in sorted(trained)])


def step_of(kind):
    return examples(Renderer(tiny(kind).tokenizer(), kind, "plain"))


@pytest.mark.parametrize("layout", ["tree", "separate"])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_loss_and_gradients_are_those_of_float64(kind, held, checkpointing, layout):
    step = step_of(kind)
    autocast = HELD[held][1].dtype == "bfloat16"
    bound = ROUNDED if autocast else EXACT
    expected, of_parameters = reference(kind, held, step)
    model = student(kind, held, checkpointing=checkpointing, autocast=autocast)
    loss, gradients = ours(model, kind, layout, step, autocast=autocast)
    assert loss == pytest.approx(expected, rel=bound)
    bound = max(bound, KINK) if kind == "seq2seq" else bound
    assert (gradients - of_parameters).norm() < bound * of_parameters.norm()


@pytest.mark.parametrize("held", ["full", "lora", "qlora", "qlora, bfloat16 rest"])
@pytest.mark.parametrize("layout", ["tree", "separate"])
def test_computing_activations_again_changes_no_bit(held, layout):
    step, autocast = step_of("causal"), HELD[held][1].dtype == "bfloat16"
    kept, again = (
        ours(
            student("causal", held, checkpointing=checkpointing, autocast=autocast),
            "causal",
            layout,
            step,
            autocast=autocast,
        )
        for checkpointing in (False, True)
    )
    assert kept[0] == again[0]
    assert torch.equal(kept[1], again[1])


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
@pytest.mark.parametrize("tuning", ["lora", "dora"])
def test_a_base_in_bfloat16_computes_what_autocast_computes_anyway(kind, tuning):
    """Of weights that bfloat16 can say, to the bit; DoRA takes the norms of the weights as well."""
    step = step_of(kind)
    found = []
    for frozen in (PLAIN, Frozen(dtype="bfloat16")):
        configured = tiny(kind, tuning=tuning, hidden_size=64)
        base = configured.load(SEED)[0]
        Frozen(dtype="bfloat16").round(base)
        model = _stirred(base, configured, frozen=frozen, compute="bfloat16")
        found.append(ours(model.get_base_model().train(), kind, "tree", step, autocast=True))
    (loss, gradients), (halved, of_halved) = found
    assert halved == pytest.approx(loss, rel=1e-3 if tuning == "dora" else 1e-12)
    error = (of_halved - gradients).norm() / gradients.norm()
    assert error < (2e-2 if tuning == "dora" else 1e-12)


def test_what_is_held_takes_the_bytes_that_it_says():
    pytest.importorskip("bitsandbytes", reason="qlora needs the extra `qlora`")
    model = student("causal", "qlora, bfloat16 rest")
    layer = model.model.layers[0].mlp.up_proj.base_layer
    assert (layer.weight.dtype, layer.weight.numel()) == (torch.uint8, 64 * 128 // 2)
    assert model.lm_head.weight.dtype == model.model.embed_tokens.weight.dtype == torch.bfloat16
    assert model.model.norm.weight.dtype == torch.float32
    trained = {p.dtype for p in model.parameters() if p.requires_grad}
    assert trained == {torch.float32}


def test_nf4_is_the_normal_float_of_the_paper():
    """A block's values are the 16 quantiles of arXiv 2305.14314, appendix E, times its maximum."""
    bitsandbytes = pytest.importorskip("bitsandbytes", reason="qlora needs the extra `qlora`")
    levels = torch.tensor([-1.0, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734])
    levels = torch.cat([levels, torch.tensor([-0.0910500, 0.0, 0.0795803, 0.1609302, 0.2461123])])
    levels = torch.cat([levels, torch.tensor([0.3379152, 0.4407098, 0.5626170, 0.7229568, 1.0])])
    weight = torch.cat([levels, levels, levels, levels])[None] * 0.5
    again = bitsandbytes.functional.dequantize_4bit(*quantised(weight))
    torch.testing.assert_close(again, weight, rtol=0, atol=1e-5)
