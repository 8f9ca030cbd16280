"""How an exported student is asked, for its model card: the prompts that it was trained on."""

import json
import re
from collections.abc import Mapping

from mdexp.ports import Thought
from mdexp.students.prompts import Renderer

QUESTION = "<question>"
CHAT = (
    "Each is what the chat template makes of one turn of a user: the question, a line break and "
    "the thought's cue. It has its special tokens, so none are to be added "
    "(`add_special_tokens=False`)."
)
SENTINELS = (
    "The vocabulary lacks some signs. Tokens stand for them in answers (a space beside one is the "
    "tokenizer's own):"
)


def how_to_ask(renderer: Renderer, thoughts: Mapping[str, Thought]) -> list[str]:
    """Lines of Markdown: each thought's prompt in full, and what stands for signs in answers."""
    prompts = {name: renderer.prompt(QUESTION, thought) for name, thought in thoughts.items()}
    breaks = all(prompt.endswith("\n") for prompt in prompts.values())
    ends = "a line break" if breaks else "its last sign, without a line break"
    lines = [
        f"The prompts, word for word, with your question for `{QUESTION}`; each ends with {ends}."
    ]
    if renderer.style == "chat":
        lines.append(CHAT)
    for name, prompt in prompts.items():
        lines += ["", f"{name}:", "", *_fenced(prompt)]
    if renderer.code_text.sentinels:
        lines += ["", SENTINELS, "", *_sentinels(renderer.code_text.sentinels)]
    return lines


def _fenced(text: str) -> list[str]:
    """A fence longer than any that the text has."""
    runs = re.findall("`+", text)
    fence = "`" * max([3, *(len(run) + 1 for run in runs)])
    return [f"{fence}text", text.removesuffix("\n"), fence]


def _sentinels(sentinels: Mapping[str, str]) -> list[str]:
    """A table; signs as JSON writes them, in code that may hold a backtick."""
    rows = [f"| `{token}` | `` {json.dumps(sign)} `` |" for sign, token in sentinels.items()]
    return ["| token | stands for |", "|---|---|", *rows]
