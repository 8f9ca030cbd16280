"""Answers are those of transformers' own `generate`, however batched; samples are repeatable.

Students are tiny, in float64: rounding cannot change which token is the likeliest.
"""

import copy
import math
import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel

from mdexp.decoding.answering import answer
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.generate import generate_answers
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.row_batch import CHECK_EVERY, NotFiniteLogits
from mdexp.decoding.rows import MIN_SHARED_TOKENS
from mdexp.decoding.sampling import choose
from mdexp.decoding.straight import StraightDecoding
from mdexp.decoding.student_writer import StudentWriter
from mdexp.records import Problem
from mdexp.students.prompts import Renderer
from mdexp.thoughts.cot import ChainOfThought
from tests.tiny_run import SEED, tiny

KINDS = ["causal", "seq2seq"]
MAX_NEW_TOKENS = 30
EOS = 2
SPREAD = {"causal": 0.4, "seq2seq": 1.0}  # of the weights, so that answers wander
ENDING = {"causal": 3.0, "seq2seq": 4.0}  # added to the logit of the end, so that some texts end


def endless(text):
    """No text is complete."""


def up_to(mark):
    """A text is complete before the first `mark`."""
    return lambda text: text.partition(mark)[0] if mark in text else None


@pytest.fixture(scope="module", params=KINDS)
def student(request):
    """A model that wanders through its vocabulary and now and then ends, and its renderer."""
    model, tokenizer = tiny(request.param).load(SEED)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=SPREAD[request.param])
        head = model.get_output_embeddings()
        head.bias = torch.nn.Parameter(torch.zeros(len(tokenizer)))
        head.bias[EOS] = ENDING[request.param]
    return model.double().eval(), Renderer(tokenizer, request.param, "plain")


def prompts(number, shared=0):
    """Ragged prompts of random tokens, the first and the last alike, behind a shared beginning."""
    dice = random.Random(0)
    head = [dice.randrange(3, 259) for _ in range(shared)]
    drawn = [
        head + [dice.randrange(3, 259) for _ in range(dice.randrange(1, 20))]
        for _ in range(number - 1)
    ]
    return [*drawn, drawn[0]]


def asked(prompts, sample=0, stop=endless):
    return [
        DecodingRequest(
            prompt_ids=p,
            problem=f"p{i % 5}",
            stop=stop,
            sample=sample,
            stream=f"{i}/{sample}",
        )
        for i, p in enumerate(prompts)
    ]


def answers(student, requests, batch_size=16, temperature=0.7, max_new_tokens=MAX_NEW_TOKENS):
    model, renderer = student
    limits = DecodingLimits(
        max_new_tokens=max_new_tokens, temperature=temperature, batch_size=batch_size
    )
    found = generate_answers(model, renderer, requests, limits)
    return [answered for _, answered in sorted(found, key=lambda pair: pair[0])]


def reference(model, prompt):
    """What transformers writes after one prompt, its own first tokens left out."""
    written = model.generate(
        torch.tensor([prompt]), do_sample=False, max_new_tokens=MAX_NEW_TOKENS, num_beams=1
    )[0].tolist()
    return written[1:] if model.config.is_encoder_decoder else written[len(prompt) :]


@pytest.mark.parametrize("shared", [0, 5 * MIN_SHARED_TOKENS], ids=["ragged", "shared prefix"])
@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_greedy_is_what_transformers_generates(student, batch_size, shared):
    asked_for = prompts(16, shared)
    found = answers(student, asked(asked_for), batch_size)
    expected = [reference(student[0], prompt) for prompt in asked_for]
    assert [answered.token_ids for answered in found] == expected
    assert [answered.finished for answered in found] == [ids[-1] == EOS for ids in expected]
    assert {answered.finished for answered in found} == {True, False}
    assert len({len(ids) for ids in expected}) > 3, "rows leave the batch at different steps"


def test_samples_do_not_depend_on_batch_size_or_order(student):
    requests = [request for k in range(3) for request in asked(prompts(8, 10), sample=k)]
    expected = [answered.token_ids for answered in answers(student, requests, batch_size=2)]
    assert [a.token_ids for a in answers(student, requests, batch_size=8)] == expected
    assert [a.token_ids for a in answers(student, requests, batch_size=32)] == expected
    backwards = answers(student, requests[::-1], batch_size=7)
    assert [a.token_ids for a in backwards[::-1]] == expected
    greedy, once, again = expected[:8], expected[8:16], expected[16:]
    assert greedy != once != again


def test_the_log_probability_is_the_mean_over_all_tokens(student):
    model, _ = student
    found = answers(student, asked(prompts(6), sample=1))
    for prompt, answered in zip(prompts(6), found, strict=True):
        ids = torch.tensor([prompt])
        written = torch.tensor([answered.token_ids])
        if model.config.is_encoder_decoder:
            logits = model(input_ids=ids, labels=written).logits[0]
        else:
            logits = model(torch.cat([ids, written], 1)).logits[0, len(prompt) - 1 : -1]
        each = logits.log_softmax(-1).gather(1, written[0][:, None])
        assert answered.logprob == pytest.approx(each.mean().item())


def test_row_steps_are_counted_and_most_of_them_are_of_use(student):
    model, renderer = student
    work, limits = (
        DecodeStats(),
        DecodingLimits(max_new_tokens=MAX_NEW_TOKENS, temperature=0.7, batch_size=16),
    )
    found = list(generate_answers(model, renderer, asked(prompts(16)), limits, work))
    assert work.useful == sum(len(answered.token_ids) for _, answered in found)
    assert work.useful < work.row_steps < work.useful / 0.7, "finished rows left the batch"


def test_temperature_flattens_and_near_zero_is_greedy(student):
    requests, greedy = asked(prompts(8), sample=1), answers(student, asked(prompts(8)))
    cold = answers(student, requests, temperature=1e-4)
    assert [a.token_ids for a in cold] == [a.token_ids for a in greedy]
    hot = answers(student, requests, temperature=50.0)
    assert len({token for a in hot for token in a.token_ids}) > len(
        {token for a in cold for token in a.token_ids}
    )


def cumulative(logits, temperature):
    weights = [math.exp((logit - max(logits)) / temperature) for logit in logits]
    sums, total = [], 0.0
    for weight in weights:
        total += weight / math.fsum(weights)
        sums.append(total)
    return sums


@settings(deadline=None)
@given(
    st.lists(st.floats(-8, 8), min_size=1, max_size=12),
    st.floats(0, 1, exclude_max=True),
    st.floats(0.3, 3),
)
def test_a_sample_is_the_inverse_of_the_cumulative_distribution(logits, uniform, temperature):
    [[token]] = choose(torch.tensor([logits]), torch.tensor([[uniform]]), temperature=temperature)[
        0
    ]
    below = [0.0, *cumulative(logits, temperature)]
    assert below[token] - 1e-5 <= uniform <= below[token + 1] + 1e-5


@settings(deadline=None)
@given(st.lists(st.floats(-8, 8), min_size=1, max_size=12), st.floats(0.3, 3))
def test_a_negative_place_is_the_likeliest_token(logits, temperature):
    one = torch.tensor([logits])
    [[likeliest, drawn]], _ = choose(one, torch.tensor([[-1.0, 0.5]]), temperature=temperature)
    assert logits[likeliest] == pytest.approx(max(logits))
    assert drawn == choose(one, torch.tensor([[0.5]]), temperature=temperature)[0]


@pytest.mark.parametrize("uniform", [0.0, 0.5, 0.9999999, 1 - 2**-53])
def test_a_token_without_probability_is_never_drawn(uniform):
    logits = torch.tensor([[-math.inf, 0.3, -math.inf, 0.1, 0.2, -math.inf, -math.inf]])
    [[token]] = choose(logits, torch.tensor([[uniform]]), temperature=0.7)[0].tolist()
    assert token in (1, 3, 4)


def endings(student, stop, max_new_tokens=MAX_NEW_TOKENS):
    return answers(student, asked(prompts(16), stop=stop), max_new_tokens=max_new_tokens)


def test_a_complete_text_stops_and_is_cut(student):
    whole = endings(student, endless)
    early = next(a for a in whole if len(a.text) > 2 * CHECK_EVERY)
    mark = early.text[4]
    stopped = endings(student, up_to(mark))
    for before, after in zip(whole, stopped, strict=True):
        assert before.token_ids[: len(after.token_ids)] == after.token_ids
        if len(after.token_ids) < len(before.token_ids):
            assert after.finished
            assert len(after.token_ids) % CHECK_EVERY == 0
            assert after.text == before.text.partition(mark)[0]
    assert any(len(a.token_ids) == CHECK_EVERY for a in stopped)


def test_a_text_that_the_budget_ends_is_marked_unfinished(student):
    _, renderer = student
    for answered in endings(student, endless, max_new_tokens=5):
        assert answered.finished == (answered.token_ids[-1] == EOS)
        assert answered.text == renderer.text(answered.token_ids)
        assert len(answered.token_ids) <= 5


def test_what_is_complete_at_the_last_step_is_whole_though_no_check_was_due(student):
    number, long = next((i, a) for i, a in enumerate(endings(student, endless)) if len(a.text) > 5)
    stopped = endings(student, up_to(long.text[2]), max_new_tokens=5)[number]
    assert stopped.finished
    assert stopped.text == long.text.partition(long.text[2])[0]


DECODING = {
    "engine": "local",
    "num_paths": 2,
    "temperature": 0.7,
    "top_p": 1.0,
    "max_new_tokens": 4,
    "batch_size": 3,
    "base_url": None,
    "served": None,
    "num_shots": 0,
    "num_validation": 10,
}


def test_outputs_come_by_problem_thought_and_sample(student):
    model, renderer = student
    problems = [
        Problem(id=f"p{i}", dataset="toy", split=split, question=f"How many, {i}?", answer=i)
        for i, split in enumerate(["validation", "test", "test"])
    ]
    thoughts = {name: ChainOfThought(instruction="", cue=name) for name in ("pot", "cot")}
    exemplars = [{"question": "Two?", "cot": "1 + 1 = 2.", "pot": "ans = 2", "answer": 2}]
    writer = StudentWriter(
        model=model, renderer=renderer, phase="before", seed=0, exemplars=exemplars
    )
    options = {"decoding": StraightDecoding(**DECODING), "executor": None}
    outputs = answer(writer, problems, thoughts, **options)
    expected = [("p0", "pot", 0), ("p0", "cot", 0)]
    expected += [(p, t, k) for p in ("p1", "p2") for t in ("pot", "cot") for k in range(3)]
    assert [(o.problem_id, o.thought, o.sample) for o in outputs] == expected
    assert {(o.phase, o.num_shots) for o in outputs} == {("before", 1)}
    assert answer(writer, problems[::-1], thoughts, **options)[-2:] == outputs[:2]
    other = answer(replace(writer, seed=1), problems, thoughts, **options)
    greedy = [o for o in outputs if o.sample == 0]
    assert [o for o in other if o.sample == 0] == greedy
    assert other != outputs


@pytest.fixture
def narrow(student, monkeypatch):
    """The causal student, made for 20 positions."""
    model, renderer = student
    if renderer.kind != "causal":
        pytest.skip("relative positions have no end")
    monkeypatch.setattr(model.config, "max_position_embeddings", 20)
    return model, renderer


@pytest.mark.parametrize("batch_size", [1, 16])
def test_answers_end_at_the_last_position(narrow, student, batch_size):
    """Also among rows that have more room; what is written is what a wider student writes."""
    asked_for = [prompt for prompt in prompts(16) if len(prompt) < 20]
    found = answers(narrow, asked(asked_for), batch_size)
    assert any(answered.num_tokens for answered in found)
    for prompt, answered in zip(asked_for, found, strict=True):
        whole = reference(narrow[0], prompt)[: 20 - len(prompt)]
        assert answered.token_ids == whole
        assert answered.finished == (EOS in whole)
        if not answered.finished:
            assert answered.text == narrow[1].text(whole)


def test_a_prompt_beyond_the_positions_gets_an_empty_answer_and_is_counted(narrow, caplog):
    model, renderer = narrow
    fits, work = prompts(2)[0], DecodeStats()
    limits = DecodingLimits(max_new_tokens=5, temperature=0.7, batch_size=4)
    found = dict(generate_answers(model, renderer, asked([fits, fits * 20, fits]), limits, work))
    assert [found[i].num_tokens > 0 for i in range(3)] == [True, False, True]
    assert (found[1].text, found[1].finished) == ("", False)
    assert work.counts()["prompts_beyond_the_students_positions"] == 1
    assert "a prompt is longer than the student's positions" in caplog.text


def test_logits_that_are_not_finite_are_no_answer(student):
    model, renderer = student
    broken = copy.deepcopy(model)
    with torch.no_grad():
        broken.get_output_embeddings().weight.fill_(math.nan)
    with pytest.raises(NotFiniteLogits, match="token 1 for problem p0: the student's logits in"):
        answers((broken, renderer), asked(prompts(2)))


def test_a_row_without_a_next_position_leaves_at_once():
    """Among many that have more room: GPT-2 has no embedding for a position beyond its last."""
    torch.manual_seed(0)
    renderer = Renderer(tiny("causal").load(SEED)[1], "causal", "plain")
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 20, "eos_token_id": None}
    config = GPT2Config(vocab_size=len(renderer.tokenizer), bos_token_id=None, **sizes)
    student = GPT2LMHeadModel(config).double().eval(), renderer
    found = answers(student, asked([[7] * 15, *[[9, n] for n in range(10, 21)]]), 16)
    assert [answered.num_tokens for answered in found] == [5, *[18] * 11]
