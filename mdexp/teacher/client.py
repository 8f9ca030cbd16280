"""Sends one call to an OpenAI-compatible server; returns its reply or raises how it failed
(retry.py).

The SDK's own retries are off, since they do not distinguish a rate limit from an empty account.
"""

import asyncio
import logging
from types import TracebackType
from typing import Self

from mdexp.teacher.endpoint import NO_KEY
from mdexp.teacher.families import call_body
from mdexp.teacher.refusals import judge_prompt
from mdexp.teacher.reply import BrokenReply, Reply, read_error, read_reply
from mdexp.teacher.request import Request
from mdexp.teacher.retry import SetAside, Unanswered

_MAX_DETAIL_CHARS = 300


class Client:
    """A server and a key; a context manager."""

    def __init__(self, base_url: str, key: str, timeout_s: float) -> None:
        from openai import AsyncOpenAI

        from mdexp.teacher.bounded_http import BoundedClient

        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs a line for each request
        self._sdk = AsyncOpenAI(
            base_url=base_url,
            api_key=key,
            timeout=timeout_s,
            max_retries=0,
            http_client=BoundedClient(timeout=timeout_s),
        )
        self._key = key
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._sdk.close()

    async def ask(self, request: Request, num_answers: int, seed: int | None) -> Reply:
        """Send one call. Raises Unanswered, Filtered, SetAside or TeacherError."""
        import httpx2
        import openai

        from mdexp.teacher.bounded_http import ReplyTooLong

        body = call_body(request, num_answers, seed)
        try:
            # The SDK's own limit applies to the wait for each piece of a reply, not to all of it.
            async with asyncio.timeout(self._timeout_s):
                # Not the SDK's method for chats, so that parameters it does not know can be sent.
                reply = await self._sdk.post(request.path, body=body, cast_to=httpx2.Response)
            return read_reply(self._without_key(reply.text))
        # `from None`: the SDK's errors hold the request, and that holds the key.
        except openai.APIStatusError as error:
            said = read_error(self._without_key(error.response.text))
            judged = judge_prompt(error.status_code, said, error.response.headers, body)
            raise judged from None
        except ReplyTooLong as error:
            raise SetAside("replies too long", str(error), charged=True) from None
        except (TimeoutError, openai.APIConnectionError) as error:
            raise self._lost(error) from None
        except BrokenReply as error:
            raise Unanswered("broken reply", self._shown(str(error)), charged=True) from None

    def _lost(self, error: Exception) -> Unanswered:
        """A call that was lost; it costs nothing if the connection was never made."""
        import httpx2
        import openai

        cause = error.__cause__
        charged = not isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout)
        if isinstance(error, TimeoutError | openai.APITimeoutError):
            return Unanswered("time-out", "see teacher.timeout_s", charged=charged)
        return Unanswered("no connection", self._shown(str(cause or error)), charged=charged)

    def _shown(self, text: str) -> str:
        return self._without_key(text)[:_MAX_DETAIL_CHARS]

    def _without_key(self, text: str) -> str:
        """A server's text with the key removed, in case it repeats it."""
        return text if self._key == NO_KEY else text.replace(self._key, "[key]")
