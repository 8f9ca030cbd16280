"""What a model card says of prompts is what the student was trained on."""

import pytest

from mdexp.commands.prompt_card import how_to_ask
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from mdexp.thoughts.cot import ChainOfThought
from mdexp.thoughts.pot import ProgramOfThought

THOUGHTS = {
    "cot": ChainOfThought(instruction="", cue="Think."),
    "pot": ProgramOfThought(instruction="", cue="Write ```python code."),
}


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
    card = "\n".join(how_to_ask(renderer, THOUGHTS))
    for name, fence in (("cot", "```"), ("pot", "````")):
        prompt = renderer.prompt("<question>", THOUGHTS[name])
        ended = prompt.removesuffix("\n")
        assert f"\n{name}:\n\n{fence}text\n{ended}\n{fence}" in card
    assert ("chat template" in card) == (style == "chat")
    ends = "ends with a line break." if style == "plain" else "without a line break."
    assert ends in card
    assert "<extra_id_" not in card


def test_what_stands_for_signs_is_told():
    lines = how_to_ask(Renderer(LosesLines(), "seq2seq", "plain"), THOUGHTS)
    assert '| `<extra_id_0>` | `` "\\n    " `` |' in lines
    assert '| `<extra_id_9>` | `` "`" `` |' in lines
