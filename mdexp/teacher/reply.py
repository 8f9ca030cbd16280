"""What a chat server sent back, read with suspicion.

Servers answer 200 with an HTML page, with no choices, without usage or with fewer choices than
asked for. The first two are `BrokenReply`, the others are replies.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator


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
    fingerprint: str | None = None  # of the server's configuration, as it gives it


def read_reply(raw: str) -> Reply:
    """The answers in a chat completion as it came over the wire; BrokenReply if there are none."""
    try:
        body = _Body.model_validate(json.loads(raw))
    except (ValidationError, json.JSONDecodeError) as error:
        raise BrokenReply(f"no answer in {raw!r}") from error
    choices = [
        Choice(text=choice.written, finish_reason=choice.finish_reason or "unknown")
        for choice in body.choices
    ]
    return Reply(
        choices=choices,
        model=body.model or "",
        usage=body.usage,
        raw=raw,
        fingerprint=body.system_fingerprint,
    )


def filtered_reply(num_choices: int, detail: str) -> Reply:
    """What stands for answers that a server refuses to give: it is not asked again."""
    choice = Choice(text="", finish_reason="content_filter")
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return Reply(choices=[choice] * num_choices, model="", usage=usage, raw=detail)


def _well_formed(text: Any) -> Any:
    """A reply that ends within an emoji holds half of a surrogate pair, which no file can store."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


_Text = Annotated[str | None, BeforeValidator(_well_formed)]


class _Message(BaseModel):
    content: _Text = None


class _Choice(BaseModel):
    """Of a chat, with a message, or of a plain completion, with a text."""

    message: _Message | None = None
    text: _Text = None
    finish_reason: str | None = None

    @model_validator(mode="after")
    def _holds_an_answer(self) -> Self:
        if self.message is None and self.text is None:
            raise ValueError("neither a message nor a text")
        return self

    @property
    def written(self) -> str:
        return (self.message.content if self.message else self.text) or ""


class _Body(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None
    usage: dict[str, Any] | None = None
    system_fingerprint: str | None = None
