"""Greedy and sampled answers of a student, in batches whose composition changes no random number.

Each sampled token is the inverse of the cumulative distribution at one uniform number, which comes
from the seed of its (problem, thought, sample) alone. A row ends with the end of sequence, when its
thought says that the text is complete, or unfinished at the token budget.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mdexp.decoding.rows import CausalRows, Rows, Seq2SeqRows
from mdexp.ports import Thought
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CHECK_EVERY = 8  # steps between looks at whether a text is complete
COMPACT_BELOW = 0.75  # of a batch's rows still under way
BELOW_ONE = 1 - 2**-24  # the largest float32 below 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answer to be written. `sample` 0 is greedy; `seed` names the row's random numbers."""

    prompt_ids: Sequence[int]
    thought: Thought
    sample: int
    seed: str


@dataclass(slots=True, kw_only=True)
class Answered:
    """One answer; `finished` is False where the budget ended it."""

    token_ids: list[int] = field(default_factory=list)
    text: str = ""
    finished: bool = False


@torch.inference_mode()
def generate(
    model: "PreTrainedModel",
    renderer: Renderer,
    requests: Sequence[Request],
    *,
    max_new_tokens: int,
    temperature: float,
    batch_size: int,
) -> Iterator[tuple[int, Answered]]:
    """Yield (index of the request, answer), batch by batch; prompts of like length go together."""
    order = sorted(range(len(requests)), key=lambda i: (len(requests[i].prompt_ids), i))
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        batch = [requests[i] for i in indices]
        answers = _generate_batch(model, renderer, batch, max_new_tokens, temperature)
        yield from zip(indices, answers, strict=True)


def _generate_batch(
    model: "PreTrainedModel",
    renderer: Renderer,
    batch: Sequence[Request],
    max_new_tokens: int,
    temperature: float,
) -> list[Answered]:
    prompts = [request.prompt_ids for request in batch]
    pad_id = renderer.tokenizer.pad_token_id or 0
    rows: Rows = (
        CausalRows(model, prompts)
        if renderer.kind == "causal"
        else Seq2SeqRows(model, prompts, pad_id)
    )
    answers = [Answered() for _ in batch]
    dice = [random.Random(request.seed) for request in batch]
    active = list(range(len(batch)))  # row of the model -> row of the batch
    logits = rows.start()
    for step in range(1, max_new_tokens + 1):
        uniforms = [dice[i].random() if batch[i].sample else -1.0 for i in active]
        tokens = choose(logits, torch.tensor(uniforms, device=logits.device), temperature)
        for i, token in zip(active, tokens.tolist(), strict=True):
            if not answers[i].finished:
                answers[i].token_ids.append(token)
                if token == renderer.tokenizer.eos_token_id:
                    answers[i].text = renderer.text(answers[i].token_ids)
                    answers[i].finished = True
        if step % CHECK_EVERY == 0 or step == max_new_tokens:
            _finish_complete(batch, answers, active, renderer)
        live = [row for row, i in enumerate(active) if not answers[i].finished]
        if not live or step == max_new_tokens:
            break
        if len(live) <= COMPACT_BELOW * len(active):
            index = torch.tensor(live, device=tokens.device)
            rows.keep(index)
            tokens, active = tokens[index], [active[row] for row in live]
        logits = rows.step(tokens)
    return answers


def choose(logits: Tensor, uniforms: Tensor, temperature: float) -> Tensor:
    """Next tokens (rows,) from logits (rows, vocabulary): the likeliest where `uniforms` are < 0,
    else the token at that place of the cumulative distribution at `temperature`."""
    greedy = logits.argmax(-1)
    if not (uniforms >= 0).any():
        return greedy
    cumulative = (logits.float() / temperature).softmax(-1).cumsum(-1)
    # A number that float32 rounds to 1 lies behind the last token that has any probability.
    place = uniforms.to(cumulative).clamp(0, BELOW_ONE)[:, None] * cumulative[:, -1:]
    sampled = torch.searchsorted(cumulative, place, right=True).squeeze(-1)
    return torch.where(uniforms >= 0, sampled, greedy)


def _finish_complete(
    batch: Sequence[Request], answers: Sequence[Answered], active: Sequence[int], renderer: Renderer
) -> None:
    for answer, request in ((answers[i], batch[i]) for i in active):
        if answer.finished:
            continue
        answer.text = renderer.text(answer.token_ids)
        if (whole := request.thought.complete(answer.text)) is not None:
            answer.text, answer.finished = whole, True
