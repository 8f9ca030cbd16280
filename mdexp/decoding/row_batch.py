"""Advances the rows of a batch together, one token at a time, until each text has ended.

A row ends with the end of sequence, when its thought says that the text is complete, or unfinished
at the token budget or the student's last position. Rows that ended leave the batch together, once
enough of them did.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor

from mdexp.decoding.cached_text import CachedText, own_tokens, prompts_read
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.decoding.rows import ContinuedRows, PrefixRows, Rows, open_rows
from mdexp.decoding.sampling import GREEDY, choose, uniform
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CHECK_EVERY = 8  # tokens between looks at whether a text is complete
COMPACT_BELOW = 0.8  # of a batch's rows still under way


class NotFiniteLogits(ArithmeticError):
    """The student computes NaN or infinity, so its texts would be noise."""


@dataclass(slots=True, eq=False)
class AnswerDraft:
    """One answer under way. With a `text`, that becomes what was read of prompt and answer; if it
    `keeps_logits`, with those behind its last tokens."""

    request: DecodingRequest
    room: float  # how many tokens the answer may have
    text: CachedText | None = None
    keeps_logits: bool = False
    answer: Answered = field(default_factory=Answered)
    logits: list[Tensor] = field(default_factory=list)  # (vocabulary,) of its last tokens

    @property
    def ids(self) -> list[int]:
        return [*self.request.prompt_ids, *self.answer.token_ids]

    @property
    def is_open(self) -> bool:
        return not self.answer.finished and self.answer.num_tokens < self.room

    @property
    def place(self) -> float:
        """The random number of the next token."""
        if not self.request.sample:
            return GREEDY
        return uniform(self.request.stream, self.answer.num_tokens + 1)


class RowBatch:
    """Answers that are written together, a row of the model each.

    Those with a text begin with what the logits that it keeps decide. What was read of it is not
    read again, and answers that have drawn the same tokens after the same prompt are one row until
    they part.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        renderer: Renderer,
        drafts: Sequence[AnswerDraft],
        limits: DecodingLimits,
        work: DecodeStats,
    ) -> None:
        self.model, self.renderer, self.limits, self.work = model, renderer, limits, work
        self.drafts = drafts
        self.groups: list[list[AnswerDraft]] = []  # of each row of the model
        self.steps: list[int] = []  # tokens drawn in each row

    def run(self, is_enough: Callable[[], bool] = lambda: False) -> None:
        """Write until all texts have ended or it `is_enough`: open ones can go on in another batch.
        A student that cannot share prefixes writes all of them."""
        self._draw_from_kept_logits()
        self.groups = _alike([draft for draft in self.drafts if draft.is_open])
        if not self.groups or is_enough():
            return
        self.steps = [group[0].answer.num_tokens for group in self.groups]
        rows = self._open()
        logits = rows.start()
        self._keep_prompts(rows)
        while True:
            self._extend(logits)
            self._finish_complete(itertools.chain(*self.groups))
            if not any(draft.is_open for group in self.groups for draft in group):
                break
            if is_enough() and _can_be_parked(rows):
                break
            full = any(g[0].room == n for g, n in zip(self.groups, self.steps, strict=True))
            logits = rows.step(self._next_tokens(rows, full))
        self._keep_read(rows, set(itertools.chain(*self.groups)))

    def _draw_from_kept_logits(self) -> None:
        """Draw what can be drawn without the model; what is read of texts fits the answers then."""
        while known := self._with_kept_logits():
            logits = torch.stack([kept for kept, _ in known])
            groups = [group for _, group in known]
            self._draw(groups, logits)
            self._finish_complete(itertools.chain(*groups))
        for draft in self.drafts:
            if draft.text:
                text = draft.text.continued_as(draft.ids)
                self.work.read_again += bool(draft.text.ids) and not text.num_read
                draft.text = text

    def _with_kept_logits(self) -> list[tuple[Tensor, list[AnswerDraft]]]:
        """Logits that texts keep, and the open answers whose next token they decide."""
        found: dict[int, tuple[Tensor, list[AnswerDraft]]] = {}
        for draft in self.drafts:
            kept = draft.text.logits_behind(draft.ids) if draft.text and draft.is_open else None
            if kept is not None:
                found.setdefault(id(kept), (kept, []))[1].append(draft)
        return list(found.values())

    def _open(self) -> Rows:
        first = [group[0] for group in self.groups]
        return open_rows(
            self.model,
            self.renderer.kind,
            [draft.ids for draft in first],
            [draft.request.problem for draft in first],
            pad_id=self.renderer.tokenizer.pad_token_id or 0,
            max_new_tokens=self.limits.max_new_tokens,
            work=self.work,
            texts=[draft.text for draft in first if draft.text],
        )

    def _extend(self, logits: Tensor) -> None:
        """Give every answer its next token; rows that ended already are computed for nothing."""
        self.work.row_steps += len(self.groups)
        self.work.useful += sum(any(draft.is_open for draft in group) for group in self.groups)
        self._draw(self.groups, logits)
        self.steps = [step + 1 for step in self.steps]

    def _draw(self, groups: Sequence[Sequence[AnswerDraft]], logits: Tensor) -> None:
        """Draw a token for each answer of a group from the logits of its row."""
        most = max(map(len, groups))
        places = [
            [draft.place for draft in group] + [0.0] * (most - len(group)) for group in groups
        ]
        tokens, logprobs = choose(
            logits,
            torch.tensor(places, dtype=torch.float64, device=logits.device),
            temperature=self.limits.temperature,
            top_p=self.limits.top_p,
        )
        of_row = zip(groups, tokens.tolist(), logprobs.tolist(), logits, strict=True)
        for group, row_tokens, row_logprobs, row_logits in of_row:
            for draft, token, logprob in zip(group, row_tokens, row_logprobs, strict=False):
                if draft.is_open:
                    self._add(draft, token, logprob, row_logits)

    def _add(self, draft: AnswerDraft, token: int, logprob: float, logits: Tensor) -> None:
        answer = draft.answer
        if not math.isfinite(logprob):
            raise NotFiniteLogits(
                f"token {answer.num_tokens + 1} for problem {draft.request.problem}: the student's "
                f"logits in {logits.dtype} are not finite; trainer.precision=32-true may help"
            )
        answer.token_ids.append(token)
        answer.logprobs.append(logprob)
        answer.num_tokens += 1
        if draft.keeps_logits:
            draft.logits = [*draft.logits, logits][1 - CHECK_EVERY :]
        if token == self.renderer.tokenizer.eos_token_id:
            answer.text = self.renderer.text(answer.token_ids)
            answer.finished = True

    def _finish_complete(self, drafts: Iterable[AnswerDraft]) -> None:
        """Look at texts every few tokens of their own and at their last one, so that no other text
        of the batch decides when."""
        for draft in drafts:
            answer = draft.answer
            if answer.finished or (draft.is_open and answer.num_tokens % CHECK_EVERY):
                continue
            answer.text = self.renderer.text(answer.token_ids)
            if (whole := draft.request.stop(answer.text)) is not None:
                answer.text, answer.finished = whole, True

    def _next_tokens(self, rows: Rows, full: bool) -> Tensor:
        """The next token of each row. Rows whose answers drew different tokens part; ended ones are
        left out once they are enough, or if a row is `full`: there is no next position for it."""
        parts = list(self._parts())
        parted = len(parts) > len({row for row, _ in parts})
        if parted or full or len(parts) <= COMPACT_BELOW * len(self.groups):
            self._keep_read(
                rows, {draft for group in self.groups for draft in group if not draft.is_open}
            )
            rows.keep([row for row, _ in parts])
            self.groups = [members for _, members in parts]
            self.steps = [self.steps[row] for row, _ in parts]
        open_or_any = [next((draft for draft in g if draft.is_open), g[0]) for g in self.groups]
        tokens = [draft.answer.token_ids[-1] for draft in open_or_any]
        return torch.tensor(tokens, device=self.model.device)

    def _parts(self) -> Iterator[tuple[int, list[AnswerDraft]]]:
        """Row and answers that go on in it with the same token."""
        for row, group in enumerate(self.groups):
            by_token: dict[int, list[AnswerDraft]] = {}
            for draft in group:
                if draft.is_open:
                    by_token.setdefault(draft.answer.token_ids[-1], []).append(draft)
            yield from ((row, members) for members in by_token.values())

    def _keep_prompts(self, rows: Rows) -> None:
        """Texts that were opened now hold their prompts; those that were continued have them."""
        if isinstance(rows, PrefixRows):
            for group, prompt in zip(self.groups, prompts_read(rows.prefixes), strict=True):
                for draft in group:
                    draft.text = draft.text and CachedText(draft.text.ids, prompt)

    def _keep_read(self, rows: Rows, leaving: Collection[AnswerDraft]) -> None:
        """Texts of answers that leave the batch hold what was read of them by then."""
        for row, group in enumerate(self.groups):
            for draft in group:
                if draft.text and draft in leaving:
                    draft.text = self._longer(draft, draft.text, rows, row)

    def _longer(self, draft: AnswerDraft, text: CachedText, rows: Rows, row: int) -> CachedText:
        longer = replace(text, ids=tuple(draft.ids))
        # The last token was drawn and not read; behind an end more was read in vain.
        count = len(longer.ids) - text.num_read - 1
        if not (count and _can_be_parked(rows)):
            return longer
        own = own_tokens(rows.prefixes, row, count)
        kept = () if draft.is_open or not draft.logits else tuple(torch.stack(draft.logits))
        return replace(longer, tail=(*text.tail, own), logits=kept)


def _can_be_parked(rows: Rows) -> TypeGuard[PrefixRows | ContinuedRows]:
    return isinstance(rows, PrefixRows | ContinuedRows)


def _alike(drafts: Sequence[AnswerDraft]) -> list[list[AnswerDraft]]:
    """Answers that go on behind the same tokens, those of each problem by themselves; those without
    a text each by itself."""
    groups: dict[tuple[Any, ...], list[AnswerDraft]] = {}
    for draft in drafts:
        known = (
            (draft.request.problem, draft.answer.num_tokens, *draft.ids)
            if draft.text
            else (id(draft),)
        )
        groups.setdefault(known, []).append(draft)
    return list(groups.values())
