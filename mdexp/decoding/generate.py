"""Greedy and sampled answers of a student, in batches whose composition changes no random number.

A row ends with the end of sequence, when its thought says that the text is complete, or unfinished
at the token budget or the student's last position. Rows that ended leave the batch together, once
enough of them did.
"""

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mdexp.decoding.cached_text import CachedText, own_tokens, prompts_read
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.decoding.rows import ContinuedRows, PrefixRows, open_rows
from mdexp.decoding.sampling import GREEDY, choose, uniform
from mdexp.students.positions import room
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CHECK_EVERY = 8  # steps between looks at whether a text is complete
COMPACT_BELOW = 0.8  # of a batch's rows still under way


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
    """Answers, and what `texts` became; a prompt that the student's positions do not hold gets an
    empty answer."""
    placed = [i for i, r in enumerate(requests) if room(model.config, len(r.prompt_ids)) > 0]
    work.count_unplaced(len(requests) - len(placed))
    answers, written = [Answered() for _ in requests], list(texts)
    if placed:
        asked = [requests[i] for i in placed]
        held = [texts[i] for i in placed] if texts else ()
        batch = RowBatch(model, renderer, asked, limits, work, held)
        for i, answer in zip(placed, batch.run(), strict=True):
            answers[i] = answer
        for i, text in zip(placed, batch.written, strict=False):
            written[i] = text
    return answers, written


def batches_of_like_length(requests: Sequence[DecodingRequest], size: int) -> list[list[int]]:
    """Which requests are written together: problems of like length, the requests of one beside each
    other."""
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


class NotFiniteLogits(ArithmeticError):
    """A student computes NaN or infinity, so that whatever it writes would be noise."""


class RowBatch:
    """Rows that are advanced together until each request's text has ended.

    With `texts`, what was read of them is not read again, `written` holds what they became, and
    requests that have drawn the same tokens after the same prompt are one row until they part.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        renderer: Renderer,
        requests: Sequence[DecodingRequest],
        limits: DecodingLimits,
        work: DecodeStats,
        texts: Sequence[CachedText] = (),
    ) -> None:
        self.renderer, self.requests, self.limits, self.work = renderer, requests, limits, work
        self.groups = _alike(requests) if texts else [[i] for i in range(len(requests))]
        first = [requests[group[0]] for group in self.groups]  # of each row of the model
        held = [texts[group[0]] for group in self.groups] if texts else []
        self.rows = open_rows(
            model,
            renderer.kind,
            [request.prompt_ids for request in first],
            [request.problem for request in first],
            pad_id=renderer.tokenizer.pad_token_id or 0,
            max_new_tokens=limits.max_new_tokens,
            work=work,
            texts=held,
        )
        self.answers = [Answered() for _ in requests]
        self.room = [
            min(limits.max_new_tokens, room(model.config, len(request.prompt_ids)))
            for request in requests
        ]
        of_request = {
            i: text for group, text in zip(self.groups, held, strict=False) for i in group
        }
        self.written = [of_request[i] for i in range(len(of_request))]

    def run(self) -> list[Answered]:
        last = max(self.room)
        logits = self.rows.start()
        self._keep_prompts()
        for step in range(1, int(last) + 1):
            drawn = self._extend(logits, step)
            full = any(self.room[group[0]] == step for group in self.groups)
            if step % CHECK_EVERY == 0 or full:
                self._finish_complete()
            if step == last or not any(map(self._is_open, range(len(self.answers)))):
                break
            logits = self.rows.step(self._regrouped(drawn, logits.device, full))
        self._keep_written(set(itertools.chain(*self.groups)))
        return self.answers

    def _is_open(self, i: int) -> bool:
        answer = self.answers[i]
        return not answer.finished and answer.num_tokens < self.room[i]

    def _regrouped(self, drawn: dict[int, int], device: torch.device, full: bool) -> Tensor:
        """Part rows whose requests drew different tokens, leave out enough ended ones, and all if a
        row is `full`: there is no next position for it. Returns the next token of each row."""
        parts = list(self._parts(drawn))
        parted = len(parts) > len({row for row, _ in parts})
        if not (parted or full) and len(parts) > COMPACT_BELOW * len(self.groups):
            tokens = [drawn[group[0]] for group in self.groups]
            for row, members in parts:
                tokens[row] = drawn[members[0]]
            return torch.tensor(tokens, device=device)
        going_on = {i for _, members in parts for i in members}
        self._keep_written(set(itertools.chain(*self.groups)) - going_on)
        self.rows.keep([row for row, _ in parts])
        self.groups = [members for _, members in parts]
        return torch.tensor([drawn[group[0]] for group in self.groups], device=device)

    def _parts(self, drawn: dict[int, int]) -> Iterator[tuple[int, list[int]]]:
        """Row and requests that go on in it with the same token."""
        for row, group in enumerate(self.groups):
            by_token: dict[int, list[int]] = {}
            for i in group:
                if self._is_open(i):
                    by_token.setdefault(drawn[i], []).append(i)
            yield from ((row, members) for members in by_token.values())

    def _keep_prompts(self) -> None:
        """Texts that were opened now hold their prompts; those that were continued have them."""
        if self.written and isinstance(self.rows, PrefixRows):
            read = prompts_read(self.rows.prefixes)
            for group, prompt in zip(self.groups, read, strict=True):
                for i in group:
                    self.written[i] = CachedText(self.written[i].ids, prompt)

    def _keep_written(self, leaving: Collection[int]) -> None:
        """Texts whose requests leave the batch hold what was read of them by then."""
        if not self.written:
            return
        for row, group in enumerate(self.groups):
            for i in (i for i in group if i in leaving):
                text = self.written[i]
                longer = text.appended(self.answers[i].token_ids)
                # The last token was drawn and not read; behind an end more was read in vain.
                count = len(longer.ids) - text.num_read - 1
                if count and isinstance(self.rows, PrefixRows | ContinuedRows):
                    own = own_tokens(self.rows.prefixes, row, count)
                    longer = replace(longer, tail=(*text.tail, own))
                self.written[i] = longer

    def _extend(self, logits: Tensor, step: int) -> dict[int, int]:
        """Give every request its next token; rows that ended already are computed for nothing."""
        order = list(itertools.chain(*self.groups))
        asked = [self.requests[i] for i in order]
        places = [uniform(request.stream, step) if request.sample else GREEDY for request in asked]
        tokens, logprobs = choose(
            self._of_each(logits),
            torch.tensor(places, dtype=torch.float64, device=logits.device),
            temperature=self.limits.temperature,
            top_p=self.limits.top_p,
        )
        drawn = dict(zip(order, tokens.tolist(), strict=True))
        self.work.row_steps += len(self.groups)
        self.work.useful += sum(not self._ended(group) for group in self.groups)
        for i, logprob in zip(order, logprobs.tolist(), strict=True):
            answer = self.answers[i]
            if not self._is_open(i):
                continue
            if not math.isfinite(logprob):
                raise NotFiniteLogits(
                    f"token {step} for problem {self.requests[i].problem}: the student's logits in "
                    f"{logits.dtype} are not finite; trainer.precision=32-true may help"
                )
            answer.token_ids.append(drawn[i])
            answer.logprobs.append(logprob)
            answer.num_tokens += 1
            if drawn[i] == self.renderer.tokenizer.eos_token_id:
                answer.text = self.renderer.text(answer.token_ids)
                answer.finished = True
        return drawn

    def _of_each(self, logits: Tensor) -> Tensor:
        """Logits of each request from those of each row."""
        if all(len(group) == 1 for group in self.groups):
            return logits
        rows = [row for row, group in enumerate(self.groups) for _ in group]
        return logits[torch.tensor(rows, device=logits.device)]

    def _ended(self, group: Sequence[int]) -> bool:
        return not any(map(self._is_open, group))

    def _finish_complete(self) -> None:
        for i in itertools.chain(*self.groups):
            answer = self.answers[i]
            if answer.finished:
                continue
            answer.text = self.renderer.text(answer.token_ids)
            if (whole := self.requests[i].stop(answer.text)) is not None:
                answer.text, answer.finished = whole, True


def _alike(requests: Sequence[DecodingRequest]) -> list[list[int]]:
    """Requests by their prompt, those of each problem by themselves."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for i, request in enumerate(requests):
        groups.setdefault((request.problem, *request.prompt_ids), []).append(i)
    return list(groups.values())
