"""New tokens of a vocabulary: how they begin, that adapters train and keep their rows alone."""

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from mdexp.students.adapters import adapted, merged
from mdexp.students.load import load_folder, save_folder
from mdexp.students.vocabulary import extended, is_tied, token_ids
from mdexp.students.weights import Weights
from tests.tiny_run import SEED, tiny
from tests.unit.test_adapters import FAMILIES, greedy

TOKENS = {"[sum]": "plus", "[end]": "so"}
TIED = {"llama": False, "mistral": False, "qwen2": True, "gpt2": True, "t5": True}


def student(kind="causal", tied=False):
    model, tokenizer = tiny(kind).load(SEED)
    if tied:
        model.config.tie_word_embeddings = True
        model.tie_weights()
    return model, tokenizer


@pytest.mark.parametrize("tied", [False, True])
def test_a_new_token_begins_as_the_mean_of_its_words(tied):
    model, tokenizer = student(tied=tied)
    before = model.get_input_embeddings().weight.detach().clone()
    pieces = tokenizer("plus", add_special_tokens=False)["input_ids"]
    model, tokenizer = extended((model, tokenizer), TOKENS)
    table, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert is_tied(model) == tied and (head is table) == tied
    assert torch.equal(table[: len(before)], before), "what was there stays"
    [row, end] = token_ids(tokenizer, TOKENS)
    assert [row, end] == [len(before), len(before) + 1]
    assert len(table) == len(head) == model.config.vocab_size == len(tokenizer)
    torch.testing.assert_close(table[row], before[pieces].mean(0))
    torch.testing.assert_close(head[row], head[pieces].mean(0))


def test_a_new_token_is_one_token_and_is_read_back():
    _, tokenizer = extended(student(), TOKENS)
    text = "[sum] 3 + 4 = 7\n[end][sum] x"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    rows = token_ids(tokenizer, TOKENS)
    assert [i for i in ids if i in rows] == [rows[0], rows[1], rows[0]]
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_without_new_tokens_nothing_is_changed():
    loaded = student()
    assert extended(loaded, {}) is loaded and loaded[0].config.vocab_size == len(loaded[1])


@pytest.mark.parametrize("tuning", ["lora", "dora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_adapters_train_the_rows_of_new_tokens_alone(family, tuning, tmp_path):
    """After training, merging and saving, plain transformers writes the same tokens."""
    torch.manual_seed(SEED)
    kind = "seq2seq" if family == "t5" else "causal"
    base = FAMILIES[family]().eval()
    assert is_tied(base) == TIED[family]
    rows, size = [62, 63], base.config.vocab_size
    old = base.get_input_embeddings().weight.detach().clone()
    model = adapted(base, tiny(kind, tuning=tuning), rows)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn_like(parameter)
    trained = [p for n, p in model.named_parameters() if p.requires_grad and "lora" not in n]
    expected_tables = 1 if TIED[family] else 2
    assert [len(p) for p in trained if len(p) == len(rows)] == [len(rows)] * expected_tables
    assert not [p for p in trained if len(p) == size], "no whole table is trained"
    expected = greedy(model)
    merged(model).save_pretrained(tmp_path)
    plain = AutoModelForSeq2SeqLM if family == "t5" else AutoModelForCausalLM
    again = plain.from_pretrained(tmp_path, dtype=torch.float32).eval()
    table = again.get_input_embeddings().weight
    assert is_tied(again) == TIED[family]
    assert torch.equal(table[: rows[0]], old[: rows[0]])
    assert not torch.isclose(table[rows], old[rows]).all(1).any()
    assert torch.equal(greedy(again), expected)


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_a_trained_folder_brings_its_rows_and_its_tokenizer(kind, tuning, tmp_path):
    chosen = tiny(kind, tuning=tuning)
    untrained = Weights(student=chosen, seed=SEED)
    model, tokenizer = untrained.with_tokens(TOKENS).load()
    rows = token_ids(tokenizer, TOKENS)
    model = adapted(model, chosen, rows)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn_like(parameter)
    save_folder((model, tokenizer), tmp_path)
    weights = untrained.with_tokens(TOKENS).after_training(tmp_path)
    again, its_tokenizer = weights.load()
    assert its_tokenizer.get_vocab() == weights.tokenizer().get_vocab() == tokenizer.get_vocab()
    expected = merged(model).state_dict()
    for name, weight in again.state_dict().items():
        torch.testing.assert_close(weight, expected[name])
    assert len(untrained.tokenizer()) == len(tokenizer) - len(TOKENS), "before: the old vocabulary"
    if tuning == "full":
        assert len(load_folder(tmp_path, kind)[1]) == len(tokenizer)


def test_an_adapter_of_an_unpacked_student_keeps_the_new_rows_alone(tmp_path):
    """peft would save the whole table once the vocabulary of the base is another one."""
    chosen = tiny("causal", tuning="lora")
    save_folder(chosen.load(SEED), tmp_path / "base")
    untrained = Weights(student=chosen, seed=SEED, base=tmp_path / "base", new_tokens=TOKENS)
    model, tokenizer = untrained.load()
    model = adapted(model, chosen, token_ids(tokenizer, TOKENS))
    save_folder((model, tokenizer), tmp_path / "trained")
    kept = load_file(tmp_path / "trained" / "adapter_model.safetensors")
    assert {len(t) for name, t in kept.items() if "lora" not in name} == {len(TOKENS)}
    again, _ = untrained.after_training(tmp_path / "trained").load()
    assert again.config.vocab_size == len(tokenizer)
