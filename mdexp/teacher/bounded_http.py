"""An HTTP client for servers that nobody vouches for: replies have a limit, and are UTF-8."""

from typing import Any

import httpx2
from openai import DefaultAsyncHttpxClient

MAX_REPLY_BYTES = 32 * 2**20  # decompressed; the longest answers take one


class ReplyTooLong(Exception):
    """A server sends more than any answer takes."""


class BoundedClient(DefaultAsyncHttpxClient):
    """Reads each reply as a whole, at most MAX_REPLY_BYTES of it; ReplyTooLong. What the server
    says of its compression and charset holds no longer: the body is decompressed, and JSON is in
    UTF-8, whatever a header claims."""

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
