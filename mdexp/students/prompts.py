"""From (problem, thought) to tokens and back: one rendering for training and for decoding.

A causal student continues its prompt; a seq2seq student reads it as encoder input. The prompt is
the question, the thought's cue, and for few-shot prompting the exemplars as earlier turns.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from mdexp.ports import Message, Thought
from mdexp.students.code_text import CodeText
from mdexp.students.load import Kind
from mdexp.thoughts.prompting import turns
from mdexp.thoughts.thinking import behind_thinking, own_tags

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class NotAPrefix(ValueError):
    """The prompt's tokens are not the first tokens of prompt and target together."""


class Renderer:
    """Renders prompts and targets with one student's tokenizer."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", kind: Kind, style: Literal["chat", "plain"]
    ) -> None:
        if style == "chat" and not tokenizer.chat_template:
            raise ValueError("student.prompt=chat: this tokenizer has no chat template; use plain")
        self.tokenizer, self.kind, self.style = tokenizer, kind, style
        self.code_text = CodeText(tokenizer)

    def prompt(
        self, question: str, thought: Thought, exemplars: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        """The prompt as text, up to where the answer begins."""
        messages = turns(question, thought, exemplars)
        if self.style == "chat":
            prompt = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
            return str(prompt)
        return "\n\n".join(_plain_turn(message) for message in messages) + "\n\nAnswer:\n"

    def prompt_ids(self, prompt: str) -> list[int]:
        return self._ids(prompt) if self.kind == "seq2seq" else self._unterminated(prompt)

    @cached_property
    def _thinking_tags(self) -> tuple[str, str]:
        added = " ".join(self.tokenizer.get_added_vocab())
        return own_tags(f"{self.tokenizer.chat_template} {added}")

    def target(self, prompt: str, target: str, thinking: str = "") -> str:
        """What follows a prompt: a thought's target, behind its thinking in the student's tags."""
        return behind_thinking(target, thinking, self._thinking_tags, prompt)

    def target_ids(self, prompt: str, target: str) -> list[int]:
        """Tokens of a target after its prompt, end of sequence included; NotAPrefix."""
        end = [self.tokenizer.eos_token_id]
        text = self.code_text.encode(target)
        if self.kind == "seq2seq":
            return self.tokenizer(text, add_special_tokens=False)["input_ids"] + end
        before, whole = self._unterminated(prompt), self._unterminated(prompt + text)
        if whole[: len(before)] != before:
            raise NotAPrefix(f"{prompt[-20:]!r} + {target[:20]!r}")
        return whole[len(before) :] + end

    def text(self, ids: Sequence[int]) -> str:
        """What generated tokens say, end of sequence and padding left out."""
        specials = {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
        kept = [token for token in ids if token not in specials]
        text = self.tokenizer.decode(kept, clean_up_tokenization_spaces=False)
        return self.code_text.decode(str(text))

    def _unterminated(self, text: str) -> list[int]:
        """Tokens of a text that goes on: without the end that a tokenizer puts of its own."""
        ids = self._ids(text)
        return ids[:-1] if ids and ids[-1] == self.tokenizer.eos_token_id else ids

    def _ids(self, text: str) -> list[int]:
        # A chat template writes its own special tokens; a second BOS would change what is read.
        own_specials = self.style == "chat"
        return self.tokenizer(text, add_special_tokens=not own_specials)["input_ids"]


def _plain_turn(message: Message) -> str:
    lead = "Question" if message["role"] == "user" else "Answer"
    return f"{lead}:\n{message['content']}"
