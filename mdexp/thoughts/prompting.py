"""How a question is put, with its few-shot exemplars: the same turns for a teacher and a student.

The system message is not among the turns: teachers get `thought.instruction`, students may not.
"""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from mdexp.ports import Message, Thought


def load_exemplars() -> list[dict[str, Any]]:
    """Our own worked problems in the order they are shown: question, answer, a text per thought."""
    text = resources.files("mdexp.thoughts").joinpath("exemplars.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def turns(
    question: str, thought: Thought, exemplars: Sequence[Mapping[str, Any]] = ()
) -> list[Message]:
    """Each exemplar as a user and an assistant turn, then the question; without any, zero-shot."""
    messages: list[Message] = []
    for row in exemplars:
        messages.append(_asked(row["question"], thought))
        messages.append({"role": "assistant", "content": thought.exemplar(row)})
    return [*messages, _asked(question, thought)]


def _asked(question: str, thought: Thought) -> Message:
    return {"role": "user", "content": f"{question}\n{thought.cue}"}
