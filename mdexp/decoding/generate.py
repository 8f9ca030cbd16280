"""Greedy and sampled answers of a student; the batch size changes no sample."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import torch

from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.decoding.row_batch import AnswerDraft, RowBatch
from mdexp.students.positions import room
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@torch.inference_mode()
def generate_answers(
    model: "PreTrainedModel",
    renderer: Renderer,
    requests: Sequence[DecodingRequest],
    limits: DecodingLimits,
    work: DecodeStats | None = None,
) -> Iterator[tuple[int, Answered]]:
    """Yield (index of the request, answer), batch by batch, and add what it took to `work`."""
    work = DecodeStats() if work is None else work
    for indices in batches_of_like_length(requests, limits.batch_size):
        answers, _ = write_batch(model, renderer, [requests[i] for i in indices], limits, work)
        yield from zip(indices, answers, strict=True)


def write_batch(
    model: "PreTrainedModel",
    renderer: Renderer,
    requests: Sequence[DecodingRequest],
    limits: DecodingLimits,
    work: DecodeStats,
    texts: Sequence[CachedText] = (),
) -> tuple[list[Answered], list[CachedText]]:
    """The answers, and the updated `texts`; a prompt longer than the student's context gets an
    empty answer."""
    drafts = new_drafts(model, requests, texts, limits, work)
    RowBatch(model, renderer, drafts, limits, work).run()
    return [draft.answer for draft in drafts], [draft.text for draft in drafts if draft.text]


def new_drafts(
    model: "PreTrainedModel",
    requests: Sequence[DecodingRequest],
    texts: Sequence[CachedText],
    limits: DecodingLimits,
    work: DecodeStats,
    *,
    keeps_logits: bool = False,
) -> list[AnswerDraft]:
    """A draft for each request, with the room that its budget and the student's positions leave."""
    rooms = [
        min(one.most_new_tokens(limits), room(model.config, len(one.prompt_ids)))
        for one in requests
    ]
    work.count_unplaced(sum(room <= 0 for room in rooms))
    return [
        AnswerDraft(request, room, text, keeps_logits)
        for request, room, text in zip_longest(requests, rooms, texts)
    ]


def batches_of_like_length(requests: Sequence[DecodingRequest], size: int) -> list[list[int]]:
    """Batches of requests: problems of similar length, with the requests of one problem
    together."""
    longest: dict[str, int] = {}
    for request in requests:
        seen = longest.get(request.problem, 0)
        longest[request.problem] = max(seen, len(request.prompt_ids))
    rank = {problem: number for number, problem in enumerate(longest)}
    order = sorted(
        range(len(requests)),
        key=lambda i: (longest[requests[i].problem], rank[requests[i].problem], i),
    )
    return [order[start : start + size] for start in range(0, len(order), size)]
