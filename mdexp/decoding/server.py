"""Sends requests to a server of the exported student: vLLM, SGLang, llama.cpp.

Token ids go to `/v1/completions`, so that no server renders a prompt in its own way. Each sample is
a call with its own seed; servers cache the prompt that samples share.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NO_KEY = "EMPTY"  # what servers on this machine take
KEY_VARIABLE = "OPENAI_API_KEY"
MAX_RETRIES = 6  # by the SDK: lost connections, time-outs, 408, 409, 429 and 5xx


class ServerError(RuntimeError):
    """The server cannot answer; the message has the request and the server's reply."""


def ask_server(
    base_urls: Sequence[str],
    model: str,
    renderer: Renderer,
    requests: Sequence[DecodingRequest],
    limits: DecodingLimits,
    work: DecodeStats | None = None,
) -> Iterator[tuple[int, Answered]]:
    """Yield (index of the request, answer), `limits.batch_size` calls at a time; `work` keeps
    them. Of several servers each answers some of the problems, all requests of one."""
    work = DecodeStats() if work is None else work
    if renderer.kind != "causal":
        raise ValueError(
            f"decoding.engine=openai continues token ids, which a {renderer.kind} student cannot; "
            "use decoding.engine=local"
        )
    for start in range(0, len(requests), limits.batch_size):
        batch = requests[start : start + limits.batch_size]
        ask = partial(_ask_all, base_urls, model, renderer, batch, limits)
        answers = work.kept_or(batch, limits, Answered, ask)
        work.behind_ends += sum(answer.num_behind for answer in answers)
        yield from enumerate(answers, start=start)


def _ask_all(
    base_urls: Sequence[str],
    model: str,
    renderer: Renderer,
    batch: Sequence[DecodingRequest],
    limits: DecodingLimits,
) -> list[Answered]:
    return asyncio.run(_ask_together(base_urls, model, renderer, batch, limits))


async def _ask_together(
    base_urls: Sequence[str],
    model: str,
    renderer: Renderer,
    batch: Sequence[DecodingRequest],
    limits: DecodingLimits,
) -> list[Answered]:
    from openai import AsyncOpenAI

    key = student_server_key()
    async with AsyncExitStack() as until_end:
        clients = [
            await until_end.enter_async_context(
                AsyncOpenAI(base_url=url, api_key=key, max_retries=MAX_RETRIES)
            )
            for url in base_urls
        ]
        asked = [
            _ask(clients[server], base_urls[server], model, renderer, request, limits)
            for request in batch
            for server in [server_of(request.problem, len(base_urls))]
        ]
        return list(await asyncio.gather(*asked))


def server_of(problem: str, number: int) -> int:
    """The number of the server that answers a problem, always the same one, which caches its
    prompt."""
    return seed(problem) % number


async def _ask(
    client: "AsyncOpenAI",
    base_url: str,
    model: str,
    renderer: Renderer,
    request: DecodingRequest,
    limits: DecodingLimits,
) -> Answered:
    import openai

    sampled = request.sample > 0
    try:
        reply = await client.completions.create(
            model=model,
            prompt=list(request.prompt_ids),
            max_tokens=request.most_new_tokens(limits),
            temperature=limits.temperature if sampled else 0.0,
            top_p=limits.top_p if sampled else 1.0,
            seed=seed(request.stream),
            logprobs=1,
        )
        return _answered(reply.choices[0], reply.usage, renderer, request)
    # `from None`: the SDK's errors hold the request, and that holds the key.
    except (openai.OpenAIError, IndexError, TypeError) as error:
        said = str(error)[:300].replace(student_server_key(), "[key]")
        raise ServerError(
            f"decoding.base_url={base_url}, model {model}: {type(error).__name__}: {said}"
        ) from None


def student_server_key() -> str:
    """The key that a student's server is sent."""
    return os.environ.get(KEY_VARIABLE, "").strip() or NO_KEY


def seed(stream: str) -> int:
    """A sample's own seed, of 31 bits, which every server takes."""
    digest = hashlib.blake2b(stream.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def _logprobs(logprobs: Any) -> list[float]:
    """Of each token; llama.cpp writes them in the form of a chat."""
    if logprobs is None:
        return []
    each = logprobs.token_logprobs
    if each is None:
        each = [entry["logprob"] for entry in getattr(logprobs, "content", None) or ()]
    return [logprob for logprob in each if logprob is not None]


def _answered(choice: Any, usage: Any, renderer: Renderer, request: DecodingRequest) -> Answered:
    """A server's completion as a local one: cut where its thought says that it is complete."""
    answer = Answered(
        text=renderer.code_text.decode(choice.text),
        finished=choice.finish_reason == "stop",
        logprobs=_logprobs(choice.logprobs),
    )
    answer.num_tokens = usage.completion_tokens if usage else len(answer.logprobs)
    if (whole := request.stop(answer.text)) is not None:
        _cut(answer, whole, choice, renderer)
    return answer


def _cut(answer: Answered, whole: str, choice: Any, renderer: Renderer) -> None:
    """End a completion with its thought's text: tokens behind that are neither in its budget nor
    in its log-probability. They are counted by the texts of the server's tokens, without these by
    our own tokens of the text."""
    if answer.text != whole and answer.text.startswith(whole):
        ends = accumulate(map(len, getattr(choice.logprobs, "tokens", None) or ()))
        kept = next((n for n, end in enumerate(ends, start=1) if end >= len(whole)), None)
        kept = min(kept or renderer.num_tokens(whole), answer.num_tokens)
        answer.num_behind = answer.num_tokens - kept
        answer.num_tokens, answer.logprobs = kept, answer.logprobs[:kept]
    answer.text, answer.finished = whole, True
