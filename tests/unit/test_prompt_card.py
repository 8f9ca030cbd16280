"""What a model card says of prompts is what the student was trained on."""

import pytest

from mdexp.commands.prompt_card import prompt_card
from mdexp.records import Segment
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.pot import ProgramOfThought
from mdexp.transcripts.opening import opening
from tests.contract.conftest import plugin

THOUGHTS = {
    "cot": ChainOfThought(instruction="", cue="Think."),
    "pot": ProgramOfThought(instruction="", cue="Write ```python code."),
}


RENDERERS = {kind: Renderer(byte_tokenizer(), kind, "plain") for kind in ("causal", "seq2seq")}


class LosesLines:
    """Has sentinels for what it does not know, as T5's does."""

    chat_template = None

    def __call__(self, text, add_special_tokens):
        return {"input_ids": text.split()}

    def decode(self, ids, clean_up_tokenization_spaces):
        return " ".join(ids)

    def get_vocab(self):
        return {f"<extra_id_{number}>": number for number in range(100)}


@pytest.mark.parametrize("style", ["plain", "chat"])
def test_the_prompts_are_there_word_for_word(style):
    renderer = Renderer(byte_tokenizer(), "causal", style)
    card = "\n".join(prompt_card(renderer, THOUGHTS))
    for name, fence in (("cot", "```"), ("pot", "````")):
        prompt = renderer.prompt("<question>", THOUGHTS[name])
        ended = prompt.removesuffix("\n")
        assert f"\n{name}:\n\n{fence}text\n{ended}\n{fence}" in card
    assert ("chat template" in card) == (style == "chat")
    ends = "ends with a line break." if style == "plain" else "without a line break."
    assert ends in card
    assert "<extra_id_" not in card


def test_what_stands_for_signs_is_told():
    lines = prompt_card(Renderer(LosesLines(), "seq2seq", "plain"), THOUGHTS)
    assert '| `<extra_id_0>` | `` "\\n    " `` |' in lines
    assert '| `<extra_id_9>` | `` "`" `` |' in lines


@pytest.mark.parametrize(
    ("name", "options", "further"),
    [
        ("kpdd", {}, ["<answer 1>", "<answer 1>", "<answer 2>"]),
        ("sci_cot", {}, ["<answer 1>"]),
        ("repair", {"rounds": 1}, ["<answer 1>", "<feedback>\nCorrect the program."]),
        ("repair", {"rounds": 1, "trigger": "disagree"}, ["<answer 1>", "<feedback>"]),
        ("repair", {"rounds": 1, "trigger": "oracle"}, ["<answer 1>", "<feedback>"]),
        ("tir", {"max_runs": 1}, ["<answer 1, which ends with code>\n```\n```output\n<output>"]),
    ],
)
def test_every_text_of_a_thought_has_its_prompt(name, options, further):
    thought = plugin("thought", name, **options)
    card = "\n".join(prompt_card(RENDERERS["causal"], {name: thought}))
    titles = [name, *(f"{name}, prompt {n}" for n in range(2, thought.max_writes + 1))]
    assert [line.removesuffix(":") for line in card.split("\n") if line[:-1] in titles] == titles
    assert "is prompted again" in card
    *_, behind = card.partition(f"\n{name}, prompt 2:\n")
    for text in further:
        assert text in behind
        behind = behind[behind.index(text) + len(text) :]


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_a_further_prompt_is_what_decoding_asks_with(kind):
    """As decoding/writing.py renders it: from the transcript so far and the next cue."""
    kpdd, renderer = plugin("thought", "kpdd"), RENDERERS[kind]
    said = Segment(author="writer", text="<answer 1>", turn="assistant")
    cue = Segment(author="cue", text=kpdd.hints_cue, turn="user")
    if kind == "seq2seq":
        prompt = renderer.opening([*opening("<question>", kpdd.cue), said, cue])
    else:
        first = renderer.prompt("<question>", kpdd)
        prompt = renderer.rendered(first, [said, cue], ends=False).text
    ended = prompt.removesuffix("\n")
    card = "\n".join(prompt_card(renderer, {"kpdd": kpdd}))
    assert f"\nkpdd, prompt 2:\n\n```text\n{ended}\n```" in card


def test_prompts_that_end_unlike_say_so():
    renderer = Renderer(byte_tokenizer(), "causal", "chat")
    card = "\n".join(prompt_card(renderer, {"tir": plugin("thought", "tir", max_runs=1)}))
    assert "without a line break unless that is said." in card
    assert "\ntir, prompt 2 (ends with a line break):\n" in card
