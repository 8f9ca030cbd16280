"""Rows that share prefixes say what transformers says of each row alone, whatever the student."""

import pytest
import torch
from transformers import (
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from mdexp.decoding import prefixes
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.prefixes import why_not_shared
from mdexp.decoding.rows import CachedRows, PrefixRows, Seq2SeqRows, open_rows
from tests.tiny_run import tiny

SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}
GROUPED = SIZES | {"num_key_value_heads": 2}
STUDENTS = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**GROUPED)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**GROUPED)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**GROUPED, sliding_window=None)),
    "neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SIZES)),
}
HEAD = list(range(1, 13))
# Two problems of two thoughts, each behind the same head; one row is there twice.
PROMPTS = [
    [*HEAD, 20, 21, 22, 30],
    [*HEAD, 20, 21, 22, 31, 32],
    [*HEAD, 25, 30],
    [*HEAD, 25, 31, 32],
    [*HEAD, 25, 30],
]
PROBLEMS = ["p", "p", "q", "q", "q"]


@pytest.fixture(scope="module", params=STUDENTS)
def model(request):
    torch.manual_seed(0)
    return STUDENTS[request.param]().double().eval()


def alone(model, ids):
    """Logits after the last of these tokens, read in one row from nothing."""
    return model(torch.tensor([ids])).logits[0, -1]


def expect(model, logits, texts):
    torch.testing.assert_close(logits, torch.stack([alone(model, ids) for ids in texts]))


@torch.inference_mode()
@pytest.mark.parametrize("copied", [0, 64], ids=["levels", "joined"])
@pytest.mark.parametrize("kind", [PrefixRows, CachedRows], ids=["prefixes", "cached"])
def test_logits_are_those_of_each_row_alone(model, kind, copied, monkeypatch):
    monkeypatch.setattr(prefixes, "COPIED", copied)
    rows = kind(model, PROMPTS, PROBLEMS) if kind is PrefixRows else kind(model, PROMPTS)
    texts = [list(prompt) for prompt in PROMPTS]
    expect(model, rows.start(), texts)
    for step in range(40):  # past two buckets
        if step == 5:
            rows.keep([4, 1, 1, 3])  # in another order, one twice, a problem with fewer rows
            texts = [list(texts[i]) for i in (4, 1, 1, 3)]
        if step == 9:
            rows.keep([3, 0])  # a problem that has ended
            texts = [texts[i] for i in (3, 0)]
        tokens = [(7 * step + 3 * i) % 50 for i in range(len(texts))]
        for text, token in zip(texts, tokens, strict=True):
            text.append(token)
        expect(model, rows.step(torch.tensor(tokens)), texts)


@torch.inference_mode()
def test_prompts_without_anything_in_common(model):
    prompts = [[5, 6, 7], [8], [9, 10, 11, 12]]
    rows = PrefixRows(model, prompts, ["p", "p", "q"])
    expect(model, rows.start(), prompts)
    expect(model, rows.step(torch.tensor([1, 2, 3])), [[*p, i + 1] for i, p in enumerate(prompts)])


def test_the_student_attends_as_before_afterwards(model):
    before = model.config._attn_implementation
    PrefixRows(model, PROMPTS, PROBLEMS).start()
    assert model.config._attn_implementation == before


@torch.inference_mode()
def test_a_prefix_is_held_once(model, monkeypatch):
    monkeypatch.setattr(prefixes, "COPIED", 0)  # however short
    rows = PrefixRows(model, PROMPTS, PROBLEMS)
    rows.start()
    head, trunk, rest = rows.prefixes.shared
    assert (head.real.shape, trunk.real.shape) == ((1, len(HEAD)), (2, 3))
    assert (len(head.keys[0]), len(trunk.keys[0]), len(rest.keys[0])) == (1, 2, 4)
    rows.keep([0, 1])
    assert len(rows.prefixes.shared[1].keys[0]) == 1, "nobody needs the second problem"


@torch.inference_mode()
def test_a_short_prefix_is_copied_to_those_that_share_it(model):
    rows = PrefixRows(model, PROMPTS, PROBLEMS)
    rows.start()
    [whole] = rows.prefixes.shared
    assert whole.keys[0].shape[0] == 4, "one for each distinct prompt"


def opened(model, length, work=None):
    return open_rows(
        model,
        "causal",
        [[1, 2, 3]],
        ["p"],
        pad_id=0,
        max_new_tokens=length,
        work=work or DecodeStats(),
    )


def test_a_student_with_a_window_shares_only_within_it():
    model = MistralForCausalLM(MistralConfig(**GROUPED, sliding_window=20))
    assert isinstance(opened(model, 17), PrefixRows)
    assert isinstance(opened(model, 18), CachedRows)


def test_rows_that_cannot_share_are_counted_with_the_reason_and_told_once(caplog):
    model = MistralForCausalLM(MistralConfig(**GROUPED, sliding_window=20))
    work = DecodeStats(row_steps=4, useful=4)
    opened(model, 17, work)
    assert (work.counts()["rows_sharing_prefixes"], work.unshared) == (1, {})
    opened(model, 18, work)
    opened(model, 18, work)
    why = "MistralForCausalLM sees 20 tokens, of which 21 are needed"
    assert work.counts()["rows_sharing_prefixes"] == 1
    assert work.counts()[f"rows_with_their_own_cache ({why})"] == 2
    assert [record.message for record in caplog.records] == [
        f"each row reads and keeps the whole prompt: {why}"
    ]


def test_a_family_of_other_layers_says_which():
    model = LlamaForCausalLM(LlamaConfig(**GROUPED))
    model.config.layer_types = ["full_attention", "linear_attention"]
    assert why_not_shared(model, 5) == "LlamaForCausalLM has layers of linear_attention"
    model._supports_attention_backend = False
    assert why_not_shared(model, 5) == "LlamaForCausalLM does not let its attention be exchanged"


def test_samples_share_what_the_encoder_and_the_first_step_say():
    model, _ = tiny("seq2seq").load(0)
    calls = []
    model.get_encoder().register_forward_hook(lambda *seen: calls.append(len(seen[2][0])))
    rows = Seq2SeqRows(model, [[5, 6], [7], [5, 6], [5, 6]], 0)
    logits = rows.start()
    assert (calls, len(logits), len(rows.encoded)) == ([2], 4, 4)
    assert torch.equal(logits[0], logits[3]) and not torch.equal(logits[0], logits[1])
