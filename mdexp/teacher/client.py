"""One question to an OpenAI-compatible server, repeated according to how it fails.

Repeated, with jitter and the server's Retry-After: 408, 409, 429, 5xx, lost connections, time-outs,
replies without an answer. Never repeated: an exhausted quota (which also comes as 429) and what the
server will refuse again. The SDK's own retries are off, since they know no such difference.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import tenacity

from mdexp.teacher.ledger import Request
from mdexp.teacher.reply import BrokenReply, Reply, read_reply

if TYPE_CHECKING:
    from openai import APIStatusError

NO_KEY = "EMPTY"  # what servers on this machine take
MAX_RETRY_AFTER_S = 120.0
_BACKOFF_S = 0.5
_MAX_BACKOFF_S = 30.0
_MAX_DETAIL_CHARS = 300

_ADVICE = {
    400: "the server refuses the prompt or a parameter: null leaves one out (teacher.temperature, "
    "teacher.top_p, teacher.max_tokens), teacher.extra adds one, such as max_completion_tokens",
    401: "the key is not accepted: see the environment variable that teacher.api_key_env names",
    403: "the key may not use this model or endpoint: see teacher.model and teacher.base_url",
    404: "no such model or address: see teacher.model and teacher.base_url (it often ends in /v1)",
}
_NO_MONEY = "the account has no credit left: add some, then run again; what was bought is kept"


class TeacherError(RuntimeError):
    """The teacher cannot go on; the text says what to do. Its answers so far are in the ledger."""


class Unanswered(Exception):
    """One call failed in a way that may pass; `kind` is what to count it as."""

    def __init__(self, kind: str, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.retry_after_s = retry_after_s


class Client:
    """A server and a key. `tally` counts calls and what went wrong with them."""

    def __init__(
        self, base_url: str, key: str, timeout_s: float, max_retries: int, tally: Counter[str]
    ) -> None:
        from openai import AsyncOpenAI

        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs a line a request
        self._sdk = AsyncOpenAI(base_url=base_url, api_key=key, timeout=timeout_s, max_retries=0)
        self._key = key
        self._tally = tally
        self._max_retries = max_retries

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._sdk.close()

    async def ask(self, request: Request, first: int, num_answers: int) -> Reply:
        """Ask for some samples, of which `first` is the first. TeacherError, or Unanswered."""
        settings = dict(request.settings)
        if "seed" in settings:
            settings["seed"] += first  # the same seed again would bring the same answer again
        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_is_worth_waiting_for),
            stop=tenacity.stop_after_attempt(1 + self._max_retries),
            wait=_pause_s,
            sleep=asyncio.sleep,
            reraise=True,
        )
        return await attempts(self._send, request, settings, num_answers)

    async def _send(self, request: Request, settings: Mapping[str, Any], num_answers: int) -> Reply:
        import openai

        body = {**settings, "model": request.model, "messages": request.messages}
        if num_answers > 1:  # some servers refuse `n` altogether
            body["n"] = num_answers
        self._tally["calls"] += 1
        try:
            # Through extra_body, so that parameters pass which the SDK does not know.
            reply = await self._sdk.chat.completions.with_raw_response.create(
                model=request.model, messages=[], extra_body=body
            )
            return read_reply(reply.text)
        # `from None`: the SDK's errors hold the request, and that holds the key.
        except openai.APIStatusError as error:
            raise self._failure(error) from None
        except openai.APITimeoutError:
            raise self._passing("time-out", "see teacher.timeout_s") from None
        except openai.APIConnectionError as error:
            raise self._passing("no connection", str(error.__cause__ or error)) from None
        except BrokenReply as error:
            raise self._passing("broken reply", str(error)) from None

    def _failure(self, error: "APIStatusError") -> Exception:
        status = error.status_code
        detail = self._shown(error.message)
        if status == 402 or "insufficient_quota" in (error.code, error.type):
            return TeacherError(f"{_NO_MONEY} (HTTP {status}: {detail})")
        if status in (408, 409, 429) or status >= 500:
            wait_s = retry_after_s(error.response.headers)
            return self._passing(f"HTTP {status}", error.message, wait_s)
        advice = _ADVICE.get(status, "the server refuses the request")
        return TeacherError(f"{advice} (HTTP {status}: {detail})")

    def _passing(self, kind: str, detail: str, wait_s: float | None = None) -> Unanswered:
        self._tally[kind] += 1
        return Unanswered(kind, self._shown(detail), wait_s)

    def _shown(self, text: str) -> str:
        """What a server says may repeat the key that it was sent."""
        if self._key != NO_KEY:
            text = text.replace(self._key, "[key]")
        return text[:_MAX_DETAIL_CHARS]


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a server asks to wait; `retry-after` is a number or a date."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        if not (value := headers.get("retry-after")):
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError):
        return None


def _is_worth_waiting_for(error: BaseException) -> bool:
    return isinstance(error, Unanswered) and (error.retry_after_s or 0) <= MAX_RETRY_AFTER_S


def _pause_s(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    jittered = tenacity.wait_random_exponential(_BACKOFF_S, _MAX_BACKOFF_S)(state)
    if isinstance(error, Unanswered) and error.retry_after_s is not None:
        # Spread those that were all told the same.
        return error.retry_after_s + min(jittered, 1.0)
    return jittered
