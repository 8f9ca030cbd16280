"""The gradient of a step, however it is laid out, is that of the objective written down plainly.

Targets have tokens that are not scored; some lessons are auxiliary, and alter the question.

The reference takes each sequence alone through the model's own forward, in float64.
"""

from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.records import Example
from mdexp.students.branch_attention import branch_attention
from mdexp.students.likelihood import weighted_loss
from mdexp.training.batches import trainable
from mdexp.training.layout import lay_out
from mdexp.training.objectives.auxiliary import AuxiliaryObjective
from mdexp.training.objectives.dual import DualObjective
from tests.tiny_run import SEED, tiny

KINDS = ("causal", "seq2seq")
LAYOUTS = ("tree", "separate")
WORDS = st.integers(3, 200)
PAD, EOS = 0, 2
SMALL = {kind: tiny(kind, hidden_size=16) for kind in KINDS}
STUDENTS = {kind: student.load(SEED)[0] for kind, student in SMALL.items()}
EXACT = {kind: student.load(SEED)[0].double() for kind, student in SMALL.items()}


def texts(longest):
    return st.lists(WORDS, min_size=1, max_size=longest)


def ranges(length):
    """No range or one of a target's tokens, as of what an executor says: its end is scored."""
    place = st.integers(0, length)
    some = st.tuples(place, place).filter(lambda ends: ends[0] < ends[1])
    return st.one_of(st.just(()), st.tuples(some))


@st.composite
def problems(draw):
    """A problem's examples: a question, a cue for each thought, up to three paths of each; repairs,
    if any, have another question."""
    name, question = draw(st.uuids()), draw(texts(40))
    prompts = {"cot": question + draw(texts(6)), "pot": question + draw(texts(6))}
    least = {"cot": 1, "pot": 1, "repair": 0}
    return [
        Example(
            problem_id=str(name),
            thought=thought,
            sample=sample,
            prompt_ids=prompt,
            target_ids=[*target, EOS],
            target="",
            unscored=draw(ranges(len(target))),
        )
        for thought, prompt in (prompts | {"repair": draw(texts(40))}).items()
        for sample, target in enumerate(
            draw(st.lists(texts(40), min_size=least[thought], max_size=3))
        )
    ]


def reference(kind, step, lam, auxiliary, normalize):
    """(1−a)·(λ·mean(CoT) + (1−λ)·mean(PoT)) + a·mean(repair), one sequence at a time; the loss and
    its gradients. A step without repairs has no last term."""
    model = EXACT[kind]
    nlls = {}
    for example in step:
        prompt, target = torch.tensor([example.prompt_ids]), torch.tensor([example.target_ids])
        if kind == "causal":
            logits = model(torch.cat([prompt, target], dim=1)).logits[0, prompt.shape[1] - 1 : -1]
        else:
            logits = model(input_ids=prompt, labels=target).logits[0]
        nll = -logits.log_softmax(-1).gather(1, target.T)[:, 0][torch.tensor(example.scored())]
        nlls.setdefault(example.thought, []).append(nll)
    if normalize == "token":
        means = {thought: torch.cat(found).mean() for thought, found in nlls.items()}
    else:
        means = {t: torch.stack([nll.mean() for nll in found]).mean() for t, found in nlls.items()}
    factors = {"cot": (1 - auxiliary) * lam, "pot": (1 - auxiliary) * (1 - lam)}
    factors["repair"] = auxiliary
    loss = sum(factors[thought] * mean for thought, mean in means.items())
    return loss.item(), torch.autograd.grad(loss, list(model.parameters()))


def objective(auxiliary, normalize):
    main = DualObjective(lambda_thought="cot", normalize=normalize, pairing="both")
    if not auxiliary:
        return main
    return AuxiliaryObjective(
        main=main, auxiliary={"repair": auxiliary}, per_problem=None, normalize=normalize
    )


def ours(kind, step, shares, weigh, layout, micro_batch_tokens, pad_id):
    model = STUDENTS[kind]
    batches = lay_out(
        step,
        shares,
        kind=kind,
        layout=layout,
        weigh=weigh,
        micro_batch_tokens=micro_batch_tokens,
        pad_id=pad_id,
    )
    model.zero_grad()
    total = 0.0
    with branch_attention(model) if kind == "causal" else nullcontext():
        for batch in batches:
            loss, _ = weighted_loss(model, kind, **batch.reading())
            loss.backward()
            total += loss.item()
    return total, [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=25, deadline=None)
@given(
    drawn=st.lists(problems(), min_size=1, max_size=4),
    lam=st.floats(0, 1).map(lambda share: round(share, 3)),
    auxiliary=st.one_of(st.just(0), st.floats(0.01, 0.99)),
    normalize=st.sampled_from(["token", "example"]),
    micro_batch_tokens=st.integers(1, 1500),
    pad_id=st.sampled_from([PAD, EOS]),
)
def test_loss_and_gradients_equal_a_float64_reference(
    kind, layout, drawn, lam, auxiliary, normalize, micro_batch_tokens, pad_id
):
    chosen = objective(auxiliary, normalize)
    shares = chosen.shares(["cot", "pot"], lam)
    trained = {"cot", "pot", "repair"} if auxiliary else {"cot", "pot"}
    examples = [e for of_problem in drawn for e in of_problem if e.thought in trained]
    kept = trainable(examples, shares, "both")
    step = [example for examples in kept.values() for example in examples]
    expected, of_parameters = reference(kind, step, lam, auxiliary, normalize)
    loss, gradients = ours(
        kind, step, shares, chosen.token_weights, layout, micro_batch_tokens, pad_id
    )
    assert loss == pytest.approx(expected, rel=1e-5)
    whole = torch.cat([gradient.flatten() for gradient in of_parameters])
    error = torch.cat([gradient.flatten() for gradient in gradients]).double() - whole
    assert error.norm() < 1e-5 * whole.norm()
