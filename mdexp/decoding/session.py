"""A session in which a student continues its texts without reading them again.

    session = Session(model, renderer, work)
    [(first, text)] = session.write([request], [EMPTY], limits)
    [(second, longer)] = session.write([on], [text], limits)

The second request's prompt begins with the first one's tokens and holds more: what both begin with
was read already. A text that is named twice is forked; one with a shorter prompt is trimmed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.generate import batches_of_like_length, write_batch
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

EMPTY = CachedText()
Written = tuple[Answered, CachedText]


@dataclass(frozen=True, slots=True)
class Session:
    """What is written in it is kept in the texts that it returns."""

    model: "PreTrainedModel"
    renderer: Renderer
    work: DecodeStats

    @torch.inference_mode()
    def write(
        self,
        requests: Sequence[DecodingRequest],
        texts: Sequence[CachedText],
        limits: DecodingLimits,
    ) -> list[Written]:
        """The answer to each request, and the text that it became, in order.

        `texts` are those that the prompts go on from. A request that is there twice (its prompt and
        its random numbers) is answered once.
        """
        named = [(request.stream, *request.prompt_ids) for request in requests]
        first = {name: i for i, name in reversed(list(enumerate(named)))}
        asked = sorted(first.values())
        found: dict[int, Written] = {}
        for few in batches_of_like_length([requests[i] for i in asked], limits.batch_size):
            found |= self._written(
                {asked[i]: (requests[asked[i]], texts[asked[i]]) for i in few}, limits
            )
        return [found[first[name]] for name in named]

    def _written(
        self, asked: dict[int, tuple[DecodingRequest, CachedText]], limits: DecodingLimits
    ) -> dict[int, Written]:
        requests, texts = zip(*asked.values(), strict=True)
        answers, written = write_batch(
            self.model, self.renderer, requests, limits, self.work, texts
        )
        return dict(zip(asked, zip(answers, written, strict=True), strict=True))
