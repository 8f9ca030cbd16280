"""Reads a chat server's reply without trusting it: malformed parts are cleaned or dropped.

Servers answer 200 with an HTML page, with no choices, without usage or with fewer choices than
asked for. They write null, lists and numbers in place of a text, and impossible counts. A reply
without any choice is a `BrokenReply`. A choice without an answer costs only that choice.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, Field

from mdexp.records import REFUSED

# Empty texts with these reasons are kept: they were cut short or refused, and would be again.
_FINAL = ("length", *REFUSED)
_MAX_TOKENS = 2**31  # of a call; a larger count is ignored
_MAX_DIGITS = 20  # a longer integer cannot be a count and takes long to parse
_MAX_DEPTH = 10  # of parts within parts


class BrokenReply(Exception):
    """A reply with status 200 that holds no choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer; its text may be empty if it was cut off or refused. `thinking` is what the server
    sent beside the text."""

    text: str
    finish_reason: str
    thinking: str = ""

    @property
    def is_refused(self) -> bool:
        return self.finish_reason in REFUSED and not self.text.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply with at least one entry. `without_answer` has the kind of each entry without an
    answer, which may be asked for again. `usage` counts the tokens of all; None if the server does
    not give it."""

    choices: list[Choice]
    model: str
    usage: dict[str, int] | None
    raw: str
    fingerprint: str | None = None  # of the server's configuration, as sent
    without_answer: tuple[str, ...] = ()

    @property
    def num_choices(self) -> int:
        return len(self.choices) + len(self.without_answer)


class ReportedError(NamedTuple):
    """A server's description of an error; fields are empty where it gives none."""

    message: str
    codes: tuple[str, ...]  # its codes for the error
    parameter: str


def read_reply(raw: str) -> Reply:
    """The answers in the body of a chat completion; BrokenReply if there are none."""
    try:
        body = _Body.model_validate(_parsed(raw))
    except (ValueError, RecursionError) as error:
        raise BrokenReply(f"no answer in {raw!r}") from error
    empty = tuple(kind for choice in body.choices if (kind := choice.lacks))
    return Reply(
        choices=[choice.answer for choice in body.choices if not choice.lacks],
        model=body.model,
        usage=body.usage,
        raw=_well_formed(raw),
        fingerprint=body.system_fingerprint or None,
        without_answer=empty,
    )


def read_error(text: str) -> ReportedError:
    """The error in the body of an HTTP response; a body that is not JSON is the message itself."""
    try:
        said = error_in(_parsed(text))
    except (ValueError, RecursionError):
        said = ReportedError("", (), "")
    return said if said.message else said._replace(message=_well_formed(text).strip())


def error_in(body: Any) -> ReportedError:
    """The error in a JSON value, in any of the usual forms."""
    if isinstance(body, list):  # Gemini's
        body = body[0] if body else None
    said = body.get("error", body) if isinstance(body, dict) else None
    found = _Error.model_validate(said if isinstance(said, dict) else {"message": said})
    codes = tuple(code for code in (found.code, found.type) if code)
    return ReportedError(found.message, codes, found.param)


def filtered_reply(num_choices: int, detail: str) -> Reply:
    """A reply that stands for answers the server refuses to give, so that it is not asked again."""
    choice = Choice(text="", finish_reason="content_filter")
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return Reply(choices=[choice] * num_choices, model="", usage=usage, raw=_well_formed(detail))


def _parsed(text: str) -> Any:
    return json.loads(text.removeprefix("\ufeff"), parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


def _well_formed(text: str) -> str:
    """The text without half surrogate pairs: a reply cut within an emoji has one, and no file can
    store it."""
    return text.encode("utf-8", "replace").decode()


def _text(value: Any) -> str:
    return _well_formed(value) if isinstance(value, str) else ""


def _word(value: Any) -> str:
    return str(value) if type(value) is int else _text(value)


def _mapping(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


def _counts(value: Any) -> dict[str, int] | None:
    """The counts of tokens, if both are present and possible."""
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    given = value if isinstance(value, dict) else {}
    counts = {name: int(given[name]) for name in names if _is_count(given.get(name))}
    return counts if counts.keys() >= {"prompt_tokens", "completion_tokens"} else None


def _is_count(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= _MAX_TOKENS and value == int(value)


def _choices(value: Any) -> Any:
    """The entries of a list that hold a message or a text."""
    items = value if isinstance(value, list) else []
    return [
        item
        for item in items
        if isinstance(item, dict)
        and (isinstance(item.get("message"), dict) or isinstance(item.get("text"), str))
    ]


class _Parts(NamedTuple):
    """A message's content: a text, or a list of parts, some of which are thinking."""

    text: str = ""
    thinking: str = ""
    refusal: str = ""


def _parts(value: Any) -> _Parts:
    if not isinstance(value, list):
        return _Parts(text=_text(value))
    found: dict[str, list[str]] = {name: [] for name in _Parts._fields}
    for part in value:
        kind = part.get("type") if isinstance(part, dict) else "text"
        name = {"thinking": "thinking", "reasoning": "thinking", "refusal": "refusal"}.get(
            kind if isinstance(kind, str) else "", "text"
        )
        found[name].append("".join(_texts(part)))
    return _Parts(**{name: "".join(texts) for name, texts in found.items()})


def _texts(part: Any, depth: int = 0) -> Iterator[str]:
    """The texts of a part, which may contain further parts."""
    if isinstance(part, str):
        yield _text(part)
    elif isinstance(part, list) and depth < _MAX_DEPTH:
        for inner in part:
            yield from _texts(inner, depth + 1)
    elif isinstance(part, Mapping) and depth < _MAX_DEPTH:
        for key in ("text", "thinking", "reasoning", "refusal", "content"):
            yield from _texts(part.get(key), depth + 1)


_Text = Annotated[str, BeforeValidator(_text)]
_Word = Annotated[str, BeforeValidator(_word)]


class _Message(BaseModel):
    content: Annotated[Any, BeforeValidator(_parts)] = _Parts()
    reasoning: _Text = ""  # vLLM, OpenRouter
    reasoning_content: _Text = ""  # DeepSeek, SGLang, llama.cpp, vLLM before 0.12
    refusal: _Text = ""
    tool_calls: Any = None
    function_call: Any = None


class _Choice(BaseModel):
    """A choice of a chat (with a message) or of a plain completion (with a text)."""

    message: Annotated[_Message, BeforeValidator(_mapping)] = Field(default_factory=_Message)
    text: _Text = ""
    finish_reason: _Text = ""
    error: Any = None

    @property
    def lacks(self) -> str:
        """What came in place of an answer; empty for an answer and for a final refusal."""
        if self.finish_reason == "error" or self.error:
            return "errors in place of answers"
        if self.answer.text.strip() or self.answer.finish_reason in _FINAL:
            return ""
        called = self.message.tool_calls or self.message.function_call
        return "tool calls" if called else "empty answers"

    @property
    def answer(self) -> Choice:
        parts = self.message.content
        text = parts.text or self.text
        refuses = (self.message.refusal or parts.refusal) and not text.strip()
        return Choice(
            text=text,
            finish_reason="refusal" if refuses else self.finish_reason or "unknown",
            thinking=parts.thinking or self.message.reasoning_content or self.message.reasoning,
        )


class _Body(BaseModel):
    choices: Annotated[list[_Choice], BeforeValidator(_choices), Field(min_length=1)]
    model: _Text = ""
    usage: Annotated[dict[str, int] | None, BeforeValidator(_counts)] = None
    system_fingerprint: _Text = ""


class _Error(BaseModel):
    message: _Text = ""
    code: _Word = ""
    type: _Word = ""
    param: _Text = ""
