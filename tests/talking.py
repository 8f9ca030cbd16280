"""A server's side of thoughts that are written in several texts: it answers by what was said.

with LoopbackServer() as server:
    teacher = Talking(server)
    ... teacher.bought == [4, 4, 4]      # texts given, by part
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.loopback import LoopbackServer, Reply


def solving(question: str, part: int, number: int) -> str:
    """Two key points and a program; `number` counts the answers to the same messages."""
    return [f"Core {number}.", f"Hint {number}.", f"ans = {number}"][part]


class Talking:
    """Zero-shot, a conversation has a text of the teacher for each part before."""

    def __init__(
        self, server: LoopbackServer, answer: Callable[[str, int, int], str] = solving
    ) -> None:
        self.answer = answer
        self.finish_reasons: dict[str, str] = {}  # by text
        self.given: Counter[str] = Counter()  # by messages
        self.bodies: list[dict[str, Any]] = []
        server.script = self._reply

    @property
    def bought(self) -> list[int]:
        """How many texts of each part were given."""
        parts = Counter[int]()
        for messages, number in self.given.items():
            parts[_part(json.loads(messages))] += number
        return [parts[n] for n in range(len(parts))]

    def _reply(self, body: dict[str, Any]) -> Reply:
        self.bodies.append(body)
        messages, number = body["messages"], body.get("n", 1)
        key = json.dumps(messages)
        first = self.given[key]
        self.given[key] += number
        question = next(m for m in messages if m["role"] == "user")["content"]
        texts = [self.answer(question, _part(messages), first + n) for n in range(number)]
        choices = [
            {
                "index": n,
                "message": {"content": text},
                "finish_reason": self.finish_reasons.get(text, "stop"),
            }
            for n, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 7, "completion_tokens": 3 * number}
        return Reply(200, json.dumps({"model": "large-1", "choices": choices, "usage": usage}))


def _part(messages: list[dict[str, str]]) -> int:
    return sum(message["role"] == "assistant" for message in messages)
