"""Greedy and sampled answers of a student, in batches whose composition changes no random number.

A row ends with the end of sequence, when its thought says that the text is complete, or unfinished
at the token budget. Rows that ended leave the batch together, once enough of them did.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mdexp.decoding.cached_text import CachedText, own_tokens, prompts_read
from mdexp.decoding.decode_stats import Work
from mdexp.decoding.request import Answered, Limits, Request
from mdexp.decoding.rows import ContinuedRows, PrefixRows, open_rows
from mdexp.decoding.sampling import GREEDY, choose, uniform
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CHECK_EVERY = 8  # steps between looks at whether a text is complete
COMPACT_BELOW = 0.8  # of a batch's rows still under way


@torch.inference_mode()
def generate(
    model: "PreTrainedModel",
    renderer: Renderer,
    requests: Sequence[Request],
    limits: Limits,
    work: Work | None = None,
) -> Iterator[tuple[int, Answered]]:
    """Yield (index of the request, answer), batch by batch, and add what it took to `work`."""
    work = Work() if work is None else work
    for indices in batches(requests, limits.batch_size):
        batch = Batch(model, renderer, [requests[i] for i in indices], limits, work)
        yield from zip(indices, batch.run(), strict=True)


def batches(requests: Sequence[Request], size: int) -> list[list[int]]:
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


class Batch:
    """Rows that are advanced together until each of them has ended. With `texts`, what was read of
    them is not read again, and `written` holds what they became."""

    def __init__(
        self,
        model: "PreTrainedModel",
        renderer: Renderer,
        requests: Sequence[Request],
        limits: Limits,
        work: Work,
        texts: Sequence[CachedText] = (),
    ) -> None:
        self.renderer, self.requests, self.limits, self.work = renderer, requests, limits, work
        self.rows = open_rows(
            model,
            renderer.kind,
            [request.prompt_ids for request in requests],
            [request.problem for request in requests],
            pad_id=renderer.tokenizer.pad_token_id or 0,
            max_new_tokens=limits.max_new_tokens,
            work=work,
            texts=texts,
        )
        self.answers = [Answered() for _ in requests]
        self.active = list(range(len(requests)))  # row of the model -> request
        self.written = list(texts)

    def run(self) -> list[Answered]:
        last = self.limits.max_new_tokens
        logits = self.rows.start()
        self._keep_prompts()
        for step in range(1, last + 1):
            tokens = self._extend(logits, step)
            if step % CHECK_EVERY == 0 or step == last:
                self._finish_complete()
            live = [row for row, i in enumerate(self.active) if not self.answers[i].finished]
            if not live or step == last:
                break
            if len(live) <= COMPACT_BELOW * len(self.active):
                self._keep_written(set(range(len(self.active))) - set(live))
                self.rows.keep(live)
                tokens = tokens[torch.tensor(live, device=tokens.device)]
                self.active = [self.active[row] for row in live]
            logits = self.rows.step(tokens)
        self._keep_written(range(len(self.active)))
        return self.answers

    def _keep_prompts(self) -> None:
        """Texts that were opened now hold their prompts; those that were continued have them."""
        if self.written and isinstance(self.rows, PrefixRows):
            read = prompts_read(self.rows.prefixes)
            for i, prompt in enumerate(read):
                self.written[i] = CachedText(self.written[i].ids, prompt)

    def _keep_written(self, rows: Iterable[int]) -> None:
        """Texts whose rows leave the batch hold what was read of them by then."""
        if not self.written:
            return
        for row in rows:
            text, answer = self.written[self.active[row]], self.answers[self.active[row]]
            longer = text.appended(answer.token_ids)
            if isinstance(self.rows, PrefixRows | ContinuedRows):
                # The last token was drawn and not read; after an end more was read for nothing.
                count = len(longer.ids) - text.num_read - 1
                own = own_tokens(self.rows.prefixes, row, count)
                longer = replace(longer, tail=(*text.tail, own))
            self.written[self.active[row]] = longer

    def _extend(self, logits: Tensor, step: int) -> Tensor:
        """Give every row its next token; rows that ended already are computed for nothing."""
        asked = [self.requests[i] for i in self.active]
        places = [uniform(request.stream, step) if request.sample else GREEDY for request in asked]
        tokens, logprobs = choose(
            logits,
            torch.tensor(places, dtype=torch.float64, device=logits.device),
            temperature=self.limits.temperature,
            top_p=self.limits.top_p,
        )
        drawn = zip(self.active, tokens.tolist(), logprobs.tolist(), strict=True)
        open_rows = [entry for entry in drawn if not self.answers[entry[0]].finished]
        for i, token, logprob in open_rows:
            answer = self.answers[i]
            answer.token_ids.append(token)
            answer.logprobs.append(logprob)
            answer.num_tokens += 1
            if token == self.renderer.tokenizer.eos_token_id:
                answer.text = self.renderer.text(answer.token_ids)
                answer.finished = True
        self.work.row_steps += len(self.active)
        self.work.useful += len(open_rows)
        return tokens

    def _finish_complete(self) -> None:
        for i in self.active:
            answer = self.answers[i]
            if answer.finished:
                continue
            answer.text = self.renderer.text(answer.token_ids)
            if (whole := self.requests[i].stop(answer.text)) is not None:
                answer.text, answer.finished = whole, True
