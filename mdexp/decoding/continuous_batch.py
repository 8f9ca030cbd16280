"""Continuous batching: several searches write their texts in one batch, and none waits for another.

    batch = ContinuousBatch(model, renderer, work, limits)
    batch.ask("a", requests, texts, max_new_tokens)
    batch.ask("b", requests, texts, max_new_tokens)
    for answers in batch.answered():  # {"a": [(answer, text), …]} once all of a's are written
        batch.ask("a", …)  # joins what b is still writing

When a search has its answers, the open rows of the others are parked: what was read of them is
kept, as in a session. They go on together with what is asked next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.generate import new_drafts
from mdexp.decoding.request import DecodingLimits, DecodingRequest
from mdexp.decoding.row_batch import AnswerDraft, RowBatch
from mdexp.decoding.session import EMPTY, Written
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class ContinuousBatch:
    """Writes at most `limits.batch_size` answers at a time, those first that were asked first. The
    texts keep the logits behind their last tokens, so that one that is trimmed there is not read
    again."""

    model: "PreTrainedModel"
    renderer: Renderer
    work: DecodeStats
    limits: DecodingLimits
    # By the name of who asked, a draft for each request; equal requests have the same one.
    asked: dict[str, list[AnswerDraft]] = field(default_factory=dict)

    def ask(
        self,
        name: str,
        requests: Sequence[DecodingRequest],
        texts: Sequence[CachedText],
        max_new_tokens: int,
    ) -> None:
        """Ask for answers of at most `max_new_tokens` tokens each. `texts` are those that the
        prompts go on from. Nothing else may be asked by that name until these are answered."""
        assert name not in self.asked
        limits = replace(self.limits, max_new_tokens=max_new_tokens)
        drafts = new_drafts(self.model, requests, texts, limits, self.work, keeps_logits=True)
        of_request = {(d.request.stream, *d.request.prompt_ids): d for d in drafts}
        self.asked[name] = [of_request[r.stream, *r.prompt_ids] for r in requests]

    @torch.inference_mode()
    def answered(self) -> Iterator[dict[str, list[Written]]]:
        """Write until one name or more have all their answers, and yield these in the order of the
        requests; end when nothing is asked any more."""
        while self.asked:
            while not self._some_are_written():
                self._write_on()
            ready = [name for name, drafts in self.asked.items() if not _open(drafts)]
            yield {
                name: [(draft.answer, draft.text or EMPTY) for draft in self.asked.pop(name)]
                for name in ready
            }

    def _some_are_written(self) -> bool:
        return not all(map(_open, self.asked.values()))

    def _write_on(self) -> None:
        drafts = [draft for ours in self.asked.values() for draft in _open(ours)]
        drafts = drafts[: self.limits.batch_size]
        most = int(max(draft.room for draft in drafts))
        # Prompts are read first: beside them, rows that go on would get as many columns.
        unread = [draft for draft in drafts if not (_has_begun(draft) or _is_read(draft))]
        batch = RowBatch(
            self.model,
            self.renderer,
            unread or drafts,
            replace(self.limits, max_new_tokens=most),
            self.work,
        )
        batch.run(lambda: all(map(_has_begun, unread)) if unread else self._some_are_written())


def _open(drafts: Sequence[AnswerDraft]) -> list[AnswerDraft]:
    return [draft for draft in dict.fromkeys(drafts) if draft.is_open]


def _has_begun(draft: AnswerDraft) -> bool:
    return bool(draft.answer.num_tokens)


def _is_read(draft: AnswerDraft) -> bool:
    """Whether the student has read at least the beginning of the prompt."""
    return bool(draft.text and draft.text.num_read)
