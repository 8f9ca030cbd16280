"""Only scored positions reach the vocabulary head, whatever a family does behind it."""

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma2Config, GraniteConfig

from mdexp.students.head import ROW_BUCKET
from mdexp.students.likelihood import NO_TARGET, token_scores, weighted_loss
from tests.tiny_run import SEED, tiny

SIZES = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
}
MODELS = {
    "plain head": lambda: tiny("causal").load(SEED)[0],
    "scaled": lambda: AutoModelForCausalLM.from_config(GraniteConfig(**SIZES, logits_scaling=3.0)),
    "capped": lambda: AutoModelForCausalLM.from_config(
        Gemma2Config(**SIZES, final_logit_softcapping=2.0)
    ),
    "seq2seq": lambda: tiny("seq2seq").load(SEED)[0],
}


@pytest.mark.parametrize("name", list(MODELS))
def test_scored_positions_alone_reach_the_head(name):
    torch.manual_seed(SEED)
    model = MODELS[name]().eval()
    kind = "seq2seq" if name == "seq2seq" else "causal"
    ids = torch.randint(3, 200, (2, 90))
    labels = torch.randint(3, 200, (2, 90))
    labels[0, :30] = labels[1, 50:] = NO_TARGET
    weights = torch.rand(2, 90)
    mask = torch.ones_like(ids)
    if kind == "causal":
        whole = model(input_ids=ids).logits
    else:
        # A label that is not scored may be any token: the decoder reads it all the same.
        whole = model(input_ids=ids, labels=labels.clamp(min=0)).logits
    scored = labels != NO_TARGET
    expected = torch.nn.functional.cross_entropy(whole[scored], labels[scored], reduction="none")
    seen = []
    head = model.get_output_embeddings()
    hook = head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape))
    loss, nll = weighted_loss(
        model, kind, input_ids=ids, attention_mask=mask, labels=labels, weights=weights
    )
    hook.remove()
    assert seen == [(2 * ROW_BUCKET, model.config.hidden_size)]  # of 110 that are scored
    torch.testing.assert_close(nll, expected)
    torch.testing.assert_close(loss, (expected * weights[scored]).sum())
    nll, ranks = token_scores(model, kind, input_ids=ids, attention_mask=mask, labels=labels)
    torch.testing.assert_close(nll, expected)
    by_likelihood = whole[scored].argsort(dim=1, descending=True)
    assert ranks.tolist() == [
        1 + order.tolist().index(label)
        for order, label in zip(by_likelihood, labels[scored], strict=True)
    ]
