"""A connection to a server's files and batches: it limits replies and retries failed steps.

A reply has a limit in bytes, after decompression, and in seconds, from the first byte to the last.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from mdexp.teacher.endpoint import NO_KEY
from mdexp.teacher.retry import Filtered, TeacherError, Unanswered, judge_status, pause_s

if TYPE_CHECKING:
    from openai import APIStatusError
    from openai._response import AsyncAPIResponse

log = logging.getLogger(__name__)

MAX_REPLY_BYTES = 16_000_000  # of a page of a hundred batches
_MAX_DETAIL_CHARS = 300
_T = TypeVar("_T")
# A method of the SDK's `with_streaming_response` with its arguments.
Streamed = Callable[[], "AbstractAsyncContextManager[AsyncAPIResponse[Any]]"]


class BatchConnection:
    """A server and a key. `sdk` makes the calls that `json` and `received` then bound."""

    def __init__(self, base_url: str, key: str, timeout_s: float, max_retries: int) -> None:
        from openai import AsyncOpenAI

        for name in ("httpx2", "openai"):
            logging.getLogger(name).setLevel(logging.WARNING)  # httpx logs a line for each request
        self.sdk = AsyncOpenAI(base_url=base_url, api_key=key, timeout=timeout_s, max_retries=0)
        self._key, self._timeout_s, self._max_retries = key, timeout_s, max_retries
        self._loop = asyncio.Runner()  # limits the time of a complete call

    def close(self) -> None:
        with self._loop:
            self._loop.run(self.sdk.close())

    def json(self, call: Streamed, deadline_s: float | None = None) -> Any:
        """A reply as JSON; ValueError if it is too long or not JSON."""
        received = self.received(call, MAX_REPLY_BYTES, deadline_s or self._timeout_s)
        if len(received) > MAX_REPLY_BYTES:
            raise ValueError(f"more than {MAX_REPLY_BYTES} bytes")
        return json.loads(received.decode("utf-8", "replace"))

    def received(self, call: Streamed, max_bytes: int, deadline_s: float) -> bytes:
        """The bytes that a server sends, cut somewhere beyond `max_bytes` if there are more.
        TimeoutError if they have not arrived by the deadline."""

        async def receive() -> bytes:
            received = bytearray()
            async with asyncio.timeout(deadline_s), call() as response:
                async for piece in response.iter_bytes():
                    received += piece
                    if len(received) > max_bytes:
                        break
            return bytes(received)

        return self._loop.run(receive())

    def patiently(
        self, step: Callable[[], _T], least_pause_s: Callable[[], float] = lambda: 0.0
    ) -> _T:
        """The result of a step, retried while its failure may be temporary; else TeacherError."""
        num_failures = 0
        while True:
            try:
                return self.judged(step)
            except Unanswered as error:
                num_failures += 1
                pause = pause_s(error, num_failures)
                if pause is None or num_failures > self._max_retries:
                    raise TeacherError(f"the Batch API does not answer: {error}") from None
                log.warning("teacher: %s; trying again", error)
                time.sleep(max(pause, least_pause_s()))

    def judged(self, step: Callable[[], _T]) -> _T:
        """The result of a step; any failure becomes TeacherError or Unanswered."""
        import httpx2
        import openai

        try:
            return step()
        # `from None`: the SDK's errors hold the request, and that holds the key.
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except TimeoutError:
            raise Unanswered("time-out", "see teacher.timeout_s", charged=False) from None
        except (openai.APIError, httpx2.HTTPError) as error:
            raise Unanswered("no connection", self.shown(str(error)), charged=False) from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Unanswered("broken reply", self.shown(repr(error)), charged=False) from None

    def shown(self, text: str) -> str:
        """A server's message, shortened for people and the ledger and without the key."""
        return self.without_key(text).encode("utf-8", "replace").decode()[:_MAX_DETAIL_CHARS]

    def without_key(self, text: str) -> str:
        """A server's text with the key removed, in case it repeats it."""
        return text if self._key == NO_KEY else text.replace(self._key, "[key]")

    def _refused(self, error: "APIStatusError") -> Exception:
        detail, said = self.shown(error.message), (error.code, error.type)
        codes = tuple(code for code in said if isinstance(code, str))
        judged = judge_status(error.status_code, codes, detail, error.response.headers)
        return TeacherError(str(judged)) if isinstance(judged, Filtered) else judged
