"""What is asked of a teacher and what it answers, as the ledger knows them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from mdexp.ports import Message


@dataclass(frozen=True, kw_only=True)
class Request:
    """A question as a teacher gets it. Whatever may change the answer is a field; how many samples
    of it a run wants is none, so five paths after three ask for two."""

    endpoint: str  # who answers: `teacher.identity`
    model: str
    messages: Sequence[Message]
    settings: dict[str, Any]
    prompt: str | None = None  # of a plain completion, which has no messages

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def path(self) -> str:
        """Where it is sent, below the server's base URL."""
        return "/chat/completions" if self.prompt is None else "/completions"

    @property
    def texts(self) -> list[str]:
        """What the model reads, message by message."""
        if self.prompt is not None:
            return [self.prompt]
        return [f"{message['role']}{message['content']}" for message in self.messages]

    @cached_property
    def content(self) -> str:
        """Canonical JSON."""
        fields = asdict(self)
        if self.prompt is None:
            del fields["prompt"]
        return json.dumps(
            fields,
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )

    @cached_property
    def identity(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()


# Which samples of each request are wanted: a set and no count, so that transcripts that come to the
# same request each have their own sample.
Wanted = Mapping[Request, Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One sample of one request. `model` is what the server calls itself, `thinking` what it sent
    apart from the text."""

    sample: int
    text: str
    finish_reason: str
    model: str
    thinking: str = ""
