"""The price of a call: an upper bound before it, the actual price after it.

Prices are USD per million tokens, so one token costs that many millionths of a dollar. genai-prices
lists them; `teacher.price` overrides them. An unknown price is None, never 0.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from importlib.metadata import version
from typing import Any, TypeGuard

from pydantic import BaseModel, ConfigDict, Field

from mdexp.teacher.request import Request

# Tokens that a chat template adds to a prompt, and to each message besides its role and content.
_PROMPT_OVERHEAD_TOKENS = 16
_MESSAGE_OVERHEAD_TOKENS = 16
_COMPLETION_LIMITS = ("max_completion_tokens", "max_tokens")
_MAX_TOKENS = 1_000_000_000  # of a call; no model's context is that long
_BYTES_PER_TOKEN = 4.0  # of English prose, roughly


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
        """The most that a call can cost, in millionths of a dollar; ValueError if its answers have
        no limit."""
        limit = completion_limit(request)
        if limit is None:
            raise ValueError(
                "teacher.max_tokens: got null, but what a call can cost at most must be known "
                "before it is sent; give a number of tokens, or teacher.budget_usd=null"
            )
        return self.micro_usd(prompt_bound(request), limit * num_answers)

    def of_usage(self, usage: Mapping[str, Any] | None) -> int | None:
        """The price by the server's own count of tokens; None if it gives no count."""
        counts = token_counts(usage)
        return None if counts is None else self.micro_usd(*counts)


FREE = Price(input=0, output=0)


def listed_price(url: str, model: str, *, by_batch: bool = False) -> Price | None:
    """A model's price at an endpoint, from the list inside the package genai-prices (nothing is
    downloaded); None if it is not listed.

    Where writing a prompt into the provider's cache costs extra (OpenAI's models since GPT-5.6),
    every prompt is priced so, which makes it an upper bound. The rates are today's, for prompts
    below the provider's long-context limit (272,000 tokens at OpenAI).
    """
    online = _rates(url, model, {})
    if not by_batch:
        return online
    batch = _rates(url, model, {"processing": "batch"})
    return None if batch == online else batch  # equal: it has no batch price


def price_list() -> str:
    """The list's name and version."""
    return f"genai-prices {version('genai-prices')}"


def _rates(url: str, model: str, context: dict[str, str]) -> Price | None:
    from genai_prices import Usage, calc_price  # 2,300 models, slow to load

    def per_million(usage: Usage) -> float:
        listed = calc_price(usage, model, provider_api_url=url, price_context=context)
        return float(listed.total_price * 1000)

    try:
        prompts = (
            Usage(input_tokens=1000),
            Usage(input_tokens=1000, cache_write_tokens=1000),
        )
        return Price(
            input=max(per_million(prompt) for prompt in prompts),
            output=per_million(Usage(output_tokens=1000)),
        )
    except LookupError:
        return None


def token_counts(usage: Mapping[str, Any] | None) -> tuple[int, int] | None:
    """Tokens of prompt and answers by the server's count; None if it is missing or impossible."""
    prompt, completion = ((usage or {}).get(f"{part}_tokens") for part in ("prompt", "completion"))
    if _is_count(prompt) and _is_count(completion):
        return prompt, completion
    return None


def _is_count(number: Any) -> TypeGuard[int]:
    return type(number) is int and 0 <= number <= _MAX_TOKENS


def prompt_bound(request: Request) -> int:
    """An upper bound on a prompt's tokens: a token is at least one byte, and templates add a
    few."""
    sizes = (len(text.encode()) for text in request.texts)
    return _PROMPT_OVERHEAD_TOKENS + sum(size + _MESSAGE_OVERHEAD_TOKENS for size in sizes)


def completion_limit(request: Request) -> int | None:
    """Most tokens of one answer; None if the request has no limit."""
    limits = (request.settings.get(key) for key in _COMPLETION_LIMITS)
    return next((limit for limit in limits if limit is not None), None)


def expected_tokens(request: Request, num_answers: int) -> int:
    """A guess of a call's tokens for the rate limiter; the reply gives the true number."""
    prompt = sum(len(text) for text in request.texts) / _BYTES_PER_TOKEN
    return round(prompt) + (completion_limit(request) or 0) * num_answers
