"""An HTTP client for untrusted servers: replies have a size limit and are read as UTF-8."""

from typing import Any

import httpx2
from openai import DefaultAsyncHttpxClient

MAX_REPLY_BYTES = 32 * 2**20  # decompressed; the longest answers take one


class ReplyTooLong(Exception):
    """A reply is larger than any answer can be."""


class BoundedClient(DefaultAsyncHttpxClient):
    """Reads each complete reply, at most MAX_REPLY_BYTES of it, else ReplyTooLong. The headers
    about compression and charset are removed: the body is decompressed here, and JSON is UTF-8
    whatever a header claims."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        response = await super().send(request, **options | {"stream": True})
        body = bytearray()
        try:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_REPLY_BYTES:
                    raise ReplyTooLong(f"the reply has more than {MAX_REPLY_BYTES} bytes")
        finally:
            await response.aclose()
        headers = {k: v for k, v in response.headers.items() if k.startswith("retry-after")}
        headers["content-type"] = "application/json; charset=utf-8"
        return httpx2.Response(
            response.status_code, headers=headers, content=bytes(body), request=request
        )
