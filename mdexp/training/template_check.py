"""Checks that a student's chat template renders a prompt, that targets close its open tags, and
that it renders the turns of thoughts that have several."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from mdexp.ports import Thought
from mdexp.students.prompts import Renderer
from mdexp.transcripts.prompting import goes_on
from mdexp.transcripts.thinking import behind_thinking, opening_at_end, own_tags

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TURNS = [{"role": "user", "content": "How many are 2 and 2?"}]
_OPENED = re.compile(r"<\w{1,30}>\s*\Z")  # not <|assistant|>, which has no closing tag


def judge_turns(
    renderer: Renderer, thoughts: Mapping[str, Thought], exemplars: Sequence[Mapping[str, Any]]
) -> str:
    """A sentence about texts after the first. ValueError if a seq2seq student would have to go on
    within a text, or if a template drops or alters a student's earlier turn."""
    several = {name: thought for name, thought in thoughts.items() if thought.max_writes > 1}
    going_on = [name for name in several if any(goes_on(several[name], row) for row in exemplars)]
    if going_on and renderer.kind == "seq2seq":
        raise ValueError(
            f"thought={going_on[0]} goes on within a text, and a seq2seq student answers with a "
            "whole one each time; choose a causal student, or leave this thought out"
        )
    if renderer.kind == "causal" and set(several) > set(going_on):
        renderer.between_turns("Go on.")  # TurnsAltered
    return ", ".join(f"{name} has up to {several[name].max_writes} texts" for name in several)


def judge_template(tokenizer: "PreTrainedTokenizerBase", style: str) -> str:
    """A sentence about how prompts end. ValueError for a template that fails, leaves out the
    question, or leaves a tag open that no training answer closes."""
    if style != "chat" or not tokenizer.chat_template:
        return "student.prompt=plain has none"
    try:
        prompt = str(
            tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise ValueError(
            f"student: its chat template does not render a question ({error}); use "
            "student.prompt=plain"
        ) from error
    if TURNS[0]["content"] not in prompt:
        raise ValueError(
            "student: its chat template leaves the question out; use student.prompt=plain"
        )
    found = _OPENED.search(prompt)
    opened = (opening_at_end(prompt) or (found[0] if found else "")).strip()
    if not opened:
        return "renders"
    tags = own_tags(f"{tokenizer.chat_template} {' '.join(tokenizer.get_added_vocab())}")
    target = behind_thinking("4", "", tags, prompt)
    if not opening_at_end(prompt) or _closing(opened) not in target:
        raise ValueError(
            f"student: its chat template leaves {opened} open at the end of each prompt, and the "
            "training answers never close it; use student.prompt=plain"
        )
    return f"renders; ends in {opened}, which every target closes"


def _closing(tag: str) -> str:
    """What closes an opening tag: `</think>`, `[/THINK]`, `<|end_of_thought|>`, or a channel's
    end."""
    if tag.startswith("<|channel|>"):
        return "<|end|>"
    if tag.startswith("<|begin_"):
        return tag.replace("<|begin_", "<|end_", 1)
    return f"{tag[0]}/{tag[1:]}"
