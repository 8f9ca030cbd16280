"""A request to a teacher and its answer, as the ledger stores them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from mdexp.ports import Message


@dataclass(frozen=True, kw_only=True)
class Request:
    """A question as the teacher receives it. Everything that may change the answer is a field. The
    number of samples is not: a run with five paths after one with three asks for two."""

    endpoint: str  # the server's identity: `teacher.identity`
    model: str
    messages: Sequence[Message]
    settings: dict[str, Any]
    prompt: str | None = None  # for a plain completion, which has no messages

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def path(self) -> str:
        """The path below the server's base URL."""
        return "/chat/completions" if self.prompt is None else "/completions"

    @property
    def texts(self) -> list[str]:
        """The texts that the model reads, message by message."""
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


# Which samples of each request are wanted: a set, not a count, so that transcripts that arrive at
# the same request each have their own sample.
Wanted = Mapping[Request, Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One sample of one request. `model` is the name that the server gives, `thinking` what it sent
    beside the text."""

    sample: int
    text: str
    finish_reason: str
    model: str
    thinking: str = ""
