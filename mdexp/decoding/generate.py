"""Greedy and sampled answers of a student, in batches whose composition changes no random number.

A row ends with the end of sequence, when its thought says that the text is complete, or unfinished
at the token budget or the student's last position. Rows that ended leave the batch together, once
enough of them did.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mdexp.decoding.decode_stats import Work
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.decoding.rows import open_rows
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
    work: Work | None = None,
) -> Iterator[tuple[int, Answered]]:
    """Yield (index of the request, answer), batch by batch, and add what it took to `work`."""
    work = Work() if work is None else work
    order = _by_length(requests)
    for start in range(0, len(order), limits.batch_size):
        indices = order[start : start + limits.batch_size]
        batch = [requests[i] for i in indices]
        write = partial(_written, model, renderer, batch, limits, work)
        yield from zip(indices, work.batch(batch, limits, write), strict=True)


def _written(
    model: "PreTrainedModel",
    renderer: Renderer,
    requests: Sequence[DecodingRequest],
    limits: DecodingLimits,
    work: Work,
) -> list[Answered]:
    """A batch's answers; a prompt that the student's positions do not hold gets an empty one."""
    fit = [room(model.config, len(request.prompt_ids)) > 0 for request in requests]
    placed = [request for request, fits in zip(requests, fit, strict=True) if fits]
    work.count_unplaced(len(requests) - len(placed))
    answers = iter(RowBatch(model, renderer, placed, limits, work).run() if placed else ())
    return [next(answers) if fits else Answered() for fits in fit]


def _by_length(requests: Sequence[DecodingRequest]) -> list[int]:
    """Problems of like length go together, the requests of one beside each other."""
    longest: dict[str, int] = {}
    for request in requests:
        seen = longest.get(request.problem, 0)
        longest[request.problem] = max(seen, len(request.prompt_ids))
    rank = {problem: number for number, problem in enumerate(longest)}
    return sorted(
        range(len(requests)),
        key=lambda i: (longest[requests[i].problem], rank[requests[i].problem], i),
    )


class NotFiniteLogits(ArithmeticError):
    """A student computes NaN or infinity, so that whatever it writes would be noise."""


class RowBatch:
    """Rows that are advanced together until each of them has ended."""

    def __init__(
        self,
        model: "PreTrainedModel",
        renderer: Renderer,
        requests: Sequence[DecodingRequest],
        limits: DecodingLimits,
        work: Work,
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
        )
        self.answers = [Answered() for _ in requests]
        self.room = [
            min(limits.max_new_tokens, room(model.config, len(request.prompt_ids)))
            for request in requests
        ]
        self.active = list(range(len(requests)))  # row of the model -> request

    def run(self) -> list[Answered]:
        last = max(self.room)
        logits = self.rows.start()
        for step in range(1, int(last) + 1):
            tokens = self._extend(logits, step)
            if step % CHECK_EVERY == 0 or any(self.room[i] == step for i in self.active):
                self._finish_complete()
            live = [row for row, i in enumerate(self.active) if self._is_open(i)]
            if not live or step == last:
                break
            if len(live) <= COMPACT_BELOW * len(self.active):
                self.rows.keep(live)
                tokens = tokens[torch.tensor(live, device=tokens.device)]
                self.active = [self.active[row] for row in live]
            logits = self.rows.step(tokens)
        return self.answers

    def _is_open(self, i: int) -> bool:
        answer = self.answers[i]
        return not answer.finished and answer.num_tokens < self.room[i]

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
        open_rows = [entry for entry in drawn if self._is_open(entry[0])]
        for i, token, logprob in open_rows:
            answer = self.answers[i]
            if not math.isfinite(logprob):
                raise NotFiniteLogits(
                    f"token {step} for problem {self.requests[i].problem}: the student's logits in "
                    f"{logits.dtype} are not finite; trainer.precision=32-true may help"
                )
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
