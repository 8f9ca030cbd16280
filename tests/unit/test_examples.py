"""Prompts and targets as tokens: what training scores is what decoding would have to write."""

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from mdexp.config.settings import SettingsError
from mdexp.lessons.paths import PathLessons
from mdexp.records import Problem, VerifiedPath
from mdexp.students.code_text import CodeText
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import SPECIAL_TOKENS, byte_tokenizer
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.pot import ProgramOfThought
from mdexp.training.examples import make_examples, refuse_overlong
from mdexp.transcripts.prompting import load_exemplars

THOUGHTS = {
    "cot": ChainOfThought(instruction="Reason.", cue="Think."),
    "pot": ProgramOfThought(instruction="Write.", cue="Program."),
}
PROBLEM = Problem(id="p", dataset="toy", split="train", question="How many?", answer=18)
PROGRAM = "boxes = {1: 9}\nfor i in range(2):\n    ans = boxes[1] * 2"
BOS, EOS = "<s>", "</s>"


def tokenizer(merges=(), normalizer=None, special=None):
    """The byte tokenizer with merges, a normalizer, or special tokens around each text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*SPECIAL_TOKENS.values(), *alphabet, *("".join(merge) for merge in merges)]
    vocabulary = {token: i for i, token in enumerate(words)}
    built = Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges)))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    built.decoder = decoders.ByteLevel()
    if normalizer:
        built.normalizer = normalizer
    if special:
        ids = [(token, vocabulary[token]) for token in (BOS, EOS)]
        built.post_processor = processors.TemplateProcessing(single=special, special_tokens=ids)
    return PreTrainedTokenizerFast(tokenizer_object=built, **SPECIAL_TOKENS)


def made(renderer, *texts, thought="pot", max_tokens=1000):
    paths = [
        VerifiedPath(problem_id="p", thought=thought, sample=i, text=text, answer=18, model="m")
        for i, text in enumerate(texts)
    ]
    return make_examples(lessons_of(paths), renderer, max_tokens)


def lessons_of(paths):
    maker = PathLessons()
    return list(maker.make(PROBLEM, paths, THOUGHTS, executor=None))


def test_plain_prompt():
    renderer = Renderer(byte_tokenizer(), "causal", "plain")
    assert renderer.prompt("How many?", THOUGHTS["cot"]) == (
        "Question:\nHow many?\nThink.\n\nAnswer:\n"
    )
    few = renderer.prompt("How many?", THOUGHTS["cot"], load_exemplars()[:1])
    shot, asked = few.split("\n\nQuestion:\n")
    assert asked == "How many?\nThink.\n\nAnswer:\n"
    assert shot.startswith(f"Question:\n{load_exemplars()[0]['question']}\nThink.\n\nAnswer:\n")
    assert shot.endswith("The answer is 18.")


def test_chat_prompt():
    renderer = Renderer(byte_tokenizer(), "causal", "chat")
    assert renderer.prompt("How many?", THOUGHTS["pot"]) == "user: How many?\nProgram.\nassistant: "
    few = renderer.prompt("How many?", THOUGHTS["pot"], load_exemplars()[:2])
    assert few.count("user: ") == few.count("assistant: ") == 3
    assert f"assistant: {load_exemplars()[1]['pot']}\nuser: How many?" in few


def test_chat_needs_a_template():
    with pytest.raises(ValueError, match=r"student\.prompt=chat: .* no chat template; use plain"):
        Renderer(tokenizer(), "causal", "chat")


@pytest.mark.parametrize("style", ["plain", "chat"])
@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_prompt_and_target_are_the_tokens_of_the_whole_text(kind, style):
    renderer = Renderer(byte_tokenizer(), kind, style)
    [example], unused = made(renderer, PROGRAM)
    assert unused == []
    prompt = renderer.prompt(PROBLEM.question, THOUGHTS["pot"])
    whole = renderer.tokenizer(prompt + PROGRAM)["input_ids"]
    assert example.prompt_ids + example.target_ids == [*whole, renderer.tokenizer.eos_token_id]
    assert renderer.text(example.target_ids) == example.target == PROGRAM


def test_the_target_of_a_chain_states_its_answer():
    [example], _ = made(Renderer(byte_tokenizer(), "causal", "plain"), "9 * 2 = 18.", thought="cot")
    assert example.target == "9 * 2 = 18.\nThe answer is 18."


def test_target_that_grows_into_its_prompt():
    """Where prompt and target would share a token, decoding could never write the target."""
    renderer = Renderer(tokenizer(merges=[("Ċ", "s")]), "causal", "plain")
    examples, unused = made(renderer, "step = 1", "ans = 18")
    assert [example.sample for example in examples] == [1]
    assert [(u.sample, u.reason) for u in unused] == [(0, "not_a_prefix")]
    assert "'step = 1'" in unused[0].detail
    assert len(made(Renderer(renderer.tokenizer, "seq2seq", "plain"), "step = 1")[0]) == 1


def test_target_that_the_tokenizer_cannot_write():
    renderer = Renderer(tokenizer(normalizer=normalizers.Lowercase()), "causal", "plain")
    examples, unused = made(renderer, "ans = 18", "ANS = 18")
    assert [example.target for example in examples] == ["ans = 18"]
    assert [(u.sample, u.reason) for u in unused] == [(1, "lossy")]
    assert unused[0].detail == "reads back as 'ans = 18'"


def test_sequence_that_is_too_long_is_left_out_not_cut():
    renderer = Renderer(byte_tokenizer(), "causal", "plain")
    [example], _ = made(renderer, PROGRAM)
    length = len(example.prompt_ids) + len(example.target_ids)
    assert len(made(renderer, PROGRAM, max_tokens=length)[0]) == 1
    examples, [rejection] = made(renderer, PROGRAM, max_tokens=length - 1)
    assert examples == []
    assert (rejection.reason, rejection.detail) == ("too_long", f"{length} tokens of {length - 1}")


def test_the_first_that_is_too_long_is_named():
    renderer = Renderer(byte_tokenizer(), "causal", "plain")
    fits, unused = made(renderer, "ans = 18", PROGRAM, "x" + PROGRAM, max_tokens=60)
    assert len(fits) == 1
    length = len(renderer.prompt_ids(renderer.prompt(PROBLEM.question, THOUGHTS["pot"])))
    length += len(PROGRAM) + 1
    with pytest.raises(SettingsError) as caught:
        refuse_overlong(unused)
    assert str(caught.value).startswith(
        "trainer.max_tokens: 2 lessons are longer, the first: "
        f"problem p, pot, sample 1: {length} tokens of 60."
    )
    refuse_overlong([])


@pytest.mark.parametrize("special", [f"{BOS} $A", f"{BOS} $A {EOS}", f"$A {EOS}", "$A"])
def test_a_causal_prompt_begins_once_and_does_not_end(special):
    special_tokenizer = tokenizer(special=special)
    [example], _ = made(Renderer(special_tokenizer, "causal", "plain"), PROGRAM)
    begins, ends = special_tokenizer.bos_token_id, special_tokenizer.eos_token_id
    sequence = example.prompt_ids + example.target_ids
    assert sequence.count(begins) == special.count(BOS) == int(sequence[0] == begins)
    assert sequence.count(ends) == 1 == int(sequence[-1] == ends)


def test_a_chat_template_writes_its_own_special_tokens():
    special_tokenizer = tokenizer(special=f"{BOS} $A")
    special_tokenizer.chat_template = "<s>{% for m in messages %}{{ m['content'] }}{% endfor %}"
    renderer = Renderer(special_tokenizer, "causal", "chat")
    ids = renderer.prompt_ids(renderer.prompt("How many?", THOUGHTS["cot"]))
    assert ids.count(special_tokenizer.bos_token_id) == 1


def test_an_encoder_reads_its_prompt_as_the_tokenizer_ends_it():
    special_tokenizer = tokenizer(special=f"$A {EOS}")
    [example], _ = made(Renderer(special_tokenizer, "seq2seq", "plain"), PROGRAM)
    end = special_tokenizer.eos_token_id
    assert example.prompt_ids[-1] == example.target_ids[-1] == end
    assert [*example.prompt_ids, *example.target_ids].count(end) == 2


def blind_tokenizer():
    """Like T5's: white space is one space, braces are unknown, and there are sentinel tokens."""
    words = [
        "<pad>",
        "</s>",
        "<unk>",
        *(chr(i) for i in range(33, 127) if chr(i) not in "{}<\\^~`"),
    ]
    built = Tokenizer(
        models.BPE({w: i for i, w in enumerate([*words, "▁"])}, [], unk_token="<unk>")
    )
    built.normalizer = normalizers.Replace(" ", "▁")
    built.normalizer = normalizers.Sequence(
        [normalizers.Replace("\n", " "), normalizers.Replace("    ", " "), built.normalizer]
    )
    built.decoder = decoders.Replace("▁", " ")
    sentinels = [f"<extra_id_{i}>" for i in range(12)]
    return PreTrainedTokenizerFast(
        tokenizer_object=built,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=sentinels,
    )


def test_code_survives_a_tokenizer_that_loses_newlines_and_braces():
    renderer = Renderer(blind_tokenizer(), "seq2seq", "plain")
    program = "n = [{1: 9}, {2:8}][0]\nfor i in range(2):\n  if 1 < i:\n     ans = n[1] ^ i"
    [example], unused = made(renderer, program)
    assert unused == []
    assert renderer.text(example.target_ids) == program
    assert renderer.tokenizer.unk_token_id not in example.target_ids


def test_a_sign_that_is_lost_is_noticed():
    _, [rejection] = made(Renderer(blind_tokenizer(), "seq2seq", "plain"), "ans = 9 # 3 × 3")
    assert rejection.reason == "lossy"
    assert "3 <unk> 3" in rejection.detail


def test_text_is_left_alone_where_nothing_is_lost():
    code_text = CodeText(byte_tokenizer())
    for text in (PROGRAM, "a <extra_id_0> b"):
        assert code_text.encode(text) == code_text.decode(text) == text
