"""What a call costs: known after it, bounded before it.

Prices are USD per million tokens, so the price of one token is a number of micro-dollars. The table
is dated; `teacher.price` overrides it. A price that is not known is None, never 0.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from importlib import resources
from typing import Any, Self, TypeGuard
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from mdexp.teacher.request import Request

# What chat templates add: to a prompt, and to each message around its role and content.
_PROMPT_OVERHEAD_TOKENS = 16
_MESSAGE_OVERHEAD_TOKENS = 16
_COMPLETION_LIMITS = ("max_completion_tokens", "max_tokens")
_MAX_TOKENS = 1_000_000_000  # of a call: no server has such a context
_BYTES_PER_TOKEN = 4.0  # of English prose, roughly
_VERSION = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{4}|latest)$")


class Price(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    input: float = Field(ge=0)
    output: float = Field(ge=0)

    def micro_usd(self, prompt_tokens: int, completion_tokens: int) -> int:
        """The price of a call, rounded up."""
        tokens = ((prompt_tokens, self.input), (completion_tokens, self.output))
        return math.ceil(sum(n * Fraction(str(price)) for n, price in tokens))

    def worst_micro_usd(self, request: Request, num_answers: int) -> int:
        """The most that a call can cost; ValueError if its answers have no limit."""
        limit = completion_limit(request)
        if limit is None:
            raise ValueError(
                "teacher.max_tokens: got null, but what a call can cost at most must be known "
                "before it is sent; give a number of tokens, or teacher.budget_usd=null"
            )
        return self.micro_usd(prompt_bound(request), limit * num_answers)

    def of_usage(self, usage: Mapping[str, Any] | None) -> int | None:
        """The price by a server's own count of tokens; None if it does not give one."""
        counts = token_counts(usage)
        return None if counts is None else self.micro_usd(*counts)


FREE = Price(input=0, output=0)


class PriceTable(BaseModel):
    """Prices by host and model, no older than a day; what Batch takes of them; last days."""

    model_config = ConfigDict(frozen=True)

    as_of: date
    hosts: dict[str, dict[str, Price]]
    batch_share: dict[str, float]
    shutdowns: dict[str, dict[str, date]]

    @classmethod
    def shipped(cls) -> Self:
        text = resources.files("mdexp.teacher").joinpath("prices.json").read_text(encoding="utf-8")
        return cls.model_validate(json.loads(text))

    def price(self, url: str, model: str) -> Price | None:
        """A model's price at an endpoint; that of a dated version is that of the model."""
        models = self.hosts.get(_host(url), {})
        return models.get(model) or models.get(_VERSION.sub("", model))

    def by_batch(self, url: str, price: Price) -> Price | None:
        """What a price becomes by Batch; None where that is not known."""
        share = self.batch_share.get(_host(url))
        if share is None:
            return price if price == FREE else None
        return Price(input=price.input * share, output=price.output * share)

    def shutdown(self, url: str, model: str) -> date | None:
        """The day on which a model is switched off, if one is set."""
        models = self.shutdowns.get(_host(url), {})
        return models.get(model) or models.get(_VERSION.sub("", model))


def token_counts(usage: Mapping[str, Any] | None) -> tuple[int, int] | None:
    """Tokens of prompt and answers as a server counts them; None if it does not, or absurdly."""
    prompt, completion = ((usage or {}).get(f"{part}_tokens") for part in ("prompt", "completion"))
    if _is_count(prompt) and _is_count(completion):
        return prompt, completion
    return None


def _is_count(number: Any) -> TypeGuard[int]:
    return type(number) is int and 0 <= number <= _MAX_TOKENS


def prompt_bound(request: Request) -> int:
    """No prompt has more tokens: a token is at least one byte, and templates add a few."""
    sizes = (len(text.encode()) for text in request.texts)
    return _PROMPT_OVERHEAD_TOKENS + sum(size + _MESSAGE_OVERHEAD_TOKENS for size in sizes)


def completion_limit(request: Request) -> int | None:
    """How many tokens one answer may have; None if the request does not say."""
    limits = (request.settings.get(key) for key in _COMPLETION_LIMITS)
    return next((limit for limit in limits if limit is not None), None)


def expected_tokens(request: Request, num_answers: int) -> int:
    """A guess for the limiter, which learns the true number from the reply."""
    prompt = sum(len(text) for text in request.texts) / _BYTES_PER_TOKEN
    return round(prompt) + (completion_limit(request) or 0) * num_answers


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
