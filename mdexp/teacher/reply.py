"""What a chat server sent back, read with suspicion.

Servers answer 200 with an HTML page, with no choices, without usage or with fewer choices than
asked for. The first two are `BrokenReply`, the others are replies.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError


class BrokenReply(Exception):
    """A reply with status 200 that holds no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer; the text of one that was cut off or filtered may be empty."""

    text: str
    finish_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """At least one choice. `usage` counts the tokens of all, None where the server does not say."""

    choices: list[Choice]
    model: str
    usage: dict[str, Any] | None
    raw: str


def read_reply(raw: str) -> Reply:
    """The answers in a chat completion as it came over the wire; BrokenReply if there are none."""
    try:
        body = _Body.model_validate(json.loads(raw))
    except (ValidationError, json.JSONDecodeError) as error:
        raise BrokenReply(f"no answer in {raw!r}") from error
    choices = [
        Choice(text=choice.message.content or "", finish_reason=choice.finish_reason or "unknown")
        for choice in body.choices
    ]
    return Reply(choices=choices, model=body.model or "", usage=body.usage, raw=raw)


def _well_formed(text: Any) -> Any:
    """A reply that ends within an emoji holds half of a surrogate pair, which no file can store."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


class _Message(BaseModel):
    content: Annotated[str | None, BeforeValidator(_well_formed)] = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Body(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None
    usage: dict[str, Any] | None = None
