"""The gradient of a step, however it is laid out, is that of the objective written down plainly.

The reference takes each sequence alone through the model's own forward, in float64.
"""

import pytest
import torch

from mdexp.students.likelihood import target_nll
from mdexp.students.prompts import Renderer
from mdexp.training.batches import NO_TARGET, lay_out
from tests.tiny_run import SEED, examples, tiny

LAM = 0.3
SHARES = {"cot": LAM, "pot": 1 - LAM}


def reference(model, kind, step, normalize):
    """λ·mean(CoT) + (1−λ)·mean(PoT), one sequence at a time."""
    sums = {thought: [] for thought in SHARES}
    for example in step:
        prompt, target = torch.tensor([example.prompt_ids]), torch.tensor([example.target_ids])
        if kind == "causal":
            logits = model(torch.cat([prompt, target], dim=1)).logits[0, prompt.shape[1] - 1 : -1]
        else:
            logits = model(input_ids=prompt, labels=target).logits[0]
        nll = -logits.log_softmax(-1).gather(1, target.T)[:, 0]
        sums[example.thought].append(nll)
    if normalize == "token":
        means = {thought: torch.cat(nlls).mean() for thought, nlls in sums.items()}
    else:
        means = {t: torch.stack([nll.mean() for nll in nlls]).mean() for t, nlls in sums.items()}
    return sum(SHARES[thought] * mean for thought, mean in means.items())


def ours(model, kind, step, normalize, micro_batch_tokens):
    batches = lay_out(
        step,
        SHARES,
        kind=kind,
        normalize=normalize,
        micro_batch_tokens=micro_batch_tokens,
        pad_id=0,
    )
    total = 0.0
    for batch in batches:
        scored = batch.labels != NO_TARGET
        nll = target_nll(model, kind, batch.input_ids, batch.attention_mask, batch.labels, scored)
        loss = (nll * batch.weights[scored]).sum()
        loss.backward()
        total += loss.item()
    return total, len(batches)


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
@pytest.mark.parametrize("normalize", ["token", "example"])
@pytest.mark.parametrize("micro_batch_tokens", [1, 400, 100_000])
def test_loss_and_gradients_equal_a_float64_reference(kind, normalize, micro_batch_tokens):
    model, tokenizer = tiny(kind).load(SEED)
    step = examples(Renderer(tokenizer, kind, "plain"))[:5]  # three CoT, two PoT, ragged
    exact = tiny(kind).load(SEED)[0].double()
    expected = reference(exact, kind, step, normalize)
    expected.backward()
    loss, num_batches = ours(model, kind, step, normalize, micro_batch_tokens)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    assert (num_batches > 1) == (micro_batch_tokens < 100_000)
    for (name, theirs), mine in zip(exact.named_parameters(), model.parameters(), strict=True):
        error = (mine.grad.double() - theirs.grad).norm() / theirs.grad.norm().clamp(min=1e-9)
        assert error < 1e-5, name
