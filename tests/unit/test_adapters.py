"""Adapters of each family of students: where they sit, and that merging them changes nothing."""

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from mdexp.students.adapters import adapted, linear_layers, merged
from tests.tiny_run import SEED, tiny

VOCABULARY = 64
WIDE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2}
ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
LLAMA = WIDE | HEADS | ENDS | {"vocab_size": VOCABULARY}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "vocab_size": VOCABULARY} | ENDS
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
FAMILIES = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**LLAMA)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**LLAMA)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**LLAMA, tie_word_embeddings=True)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(**GPT2)),
    "t5": lambda: T5ForConditionalGeneration(
        T5Config(**T5, vocab_size=VOCABULARY, decoder_start_token_id=0)
    ),
}
HEAD_OR_EMBEDDING = ("lm_head", "embed", "shared", "wte", "wpe")


def student(family, tuning):
    """A student of random weights whose adapters are not at zero, as after training."""
    torch.manual_seed(SEED)
    kind = "seq2seq" if family == "t5" else "causal"
    model = adapted(FAMILIES[family]().eval(), tiny(kind, tuning=tuning))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn_like(parameter)
    return model


def greedy(model):
    prompts = torch.arange(3, 27).reshape(4, 6)
    with torch.no_grad():
        return model.generate(
            input_ids=prompts, min_new_tokens=16, max_new_tokens=16, do_sample=False
        )


@pytest.mark.parametrize("tuning", ["lora", "dora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_merged_student_writes_the_tokens_of_its_adapters(family, tuning, tmp_path):
    model = student(family, tuning)
    expected = greedy(model)
    with model.disable_adapter():
        assert not torch.equal(greedy(model), expected), "the adapters change what is written"
    merged(model).save_pretrained(tmp_path)
    plain = AutoModelForSeq2SeqLM if family == "t5" else AutoModelForCausalLM
    again = plain.from_pretrained(tmp_path, dtype=torch.float32).eval()
    assert not [name for name, _ in again.named_parameters() if "lora" in name]
    assert torch.equal(greedy(again), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_adapters_sit_in_every_linear_layer_but_the_head(family):
    bare = FAMILIES[family]()
    layers = {name for name in linear_layers(bare) if "lm_head" not in name}
    model = student(family, "lora").get_base_model()
    found = {n.partition(".lora_A")[0] for n, _ in model.named_parameters() if ".lora_A" in n}
    assert found == layers
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert not [name for name in trained if any(part in name for part in HEAD_OR_EMBEDDING)]


@pytest.mark.parametrize(
    ("family", "target", "has"),
    [
        ("llama", "c_attn", "it has down_proj, gate_proj, k_proj, lm_head, o_proj, q_proj"),
        ("gpt2", "q_proj", "it has c_attn, c_fc, c_proj, lm_head"),
        ("t5", "o_proj", "it has k, lm_head, o, q, v, wi, wo"),
    ],
)
def test_a_target_that_a_student_lacks_is_named(family, target, has):
    good = linear_layers(FAMILIES[family]())[0].rpartition(".")[2]
    model = FAMILIES[family]()
    with pytest.raises(ValueError, match=f"has no linear layer '{target}'; {has}"):
        adapted(model, tiny("causal", tuning="lora", lora_targets=(good, target)))
    adapted(model, tiny("causal", tuning="lora", lora_targets=(good,)))


def test_a_full_student_is_its_own():
    model = FAMILIES["llama"]()
    assert adapted(model, tiny("causal")) is model
    assert merged(model) is model
