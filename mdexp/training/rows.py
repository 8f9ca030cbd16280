"""The row layout: each sequence is a row, padded to the longest of its micro-batch.

The paths of one (problem, thought) share a prompt, which a seq2seq student may encode once for all.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mdexp.students.likelihood import NO_TARGET
from mdexp.students.load import Kind
from mdexp.training.micro_batch import MicroBatch, Weighted, bucketed, marks

if TYPE_CHECKING:
    import torch

LENGTH_BUCKET = 16
ROW_BUCKET = 2


def row_batches(
    step: Sequence[Weighted],
    names: tuple[str, ...],
    *,
    kind: Kind,
    share_prompts: bool,
    micro_batch_tokens: int,
    pad_id: int,
) -> list[MicroBatch]:
    """As few micro-batches as possible, of similar lengths and row counts, each within
    `micro_batch_tokens` padded tokens or with the smallest possible number of rows."""
    rows = sorted(step, key=lambda row: (_length(row, kind), row.example.prompt_ids))
    batches: list[MicroBatch] = []
    for number in range(1, len(rows) + 1):
        size = bucketed(math.ceil(len(rows) / number), ROW_BUCKET)
        cut = [rows[start : start + size] for start in range(0, len(rows), size)]
        if kind == "causal":
            batches = [_causal(batch, names, pad_id) for batch in cut]
        else:
            batches = [_seq2seq(batch, names, pad_id, share_prompts) for batch in cut]
        if max(batch.padded_tokens for batch in batches) <= micro_batch_tokens:
            break
    return batches


def _causal(rows: Sequence[Weighted], names: tuple[str, ...], pad_id: int) -> MicroBatch:
    inputs = [row.inputs() for row in rows]
    labels = _padded([row.labels() for row in rows], NO_TARGET)
    return MicroBatch(
        input_ids=_padded(inputs, pad_id),
        attention_mask=_reach(inputs),
        labels=labels,
        names=names,
        tokens=sum(map(len, inputs)),
        **_marks(labels, rows),
    )


def _seq2seq(
    rows: Sequence[Weighted], names: tuple[str, ...], pad_id: int, share_prompts: bool
) -> MicroBatch:
    import torch

    prompts = [row.example.prompt_ids for row in rows]
    number_of = {tuple(prompt): i for i, prompt in enumerate(prompts)}
    read = sorted(number_of.values()) if share_prompts else list(range(len(rows)))
    labels = _padded([row.targets() for row in rows], NO_TARGET)
    answered = [
        read.index(number_of[tuple(prompt)]) if share_prompts else i
        for i, prompt in enumerate(prompts)
    ]
    answered += [0] * (len(labels) - len(rows))
    inputs = [prompts[i] for i in read]
    return MicroBatch(
        input_ids=_padded(inputs, pad_id),
        attention_mask=_reach(inputs),
        labels=labels,
        names=names,
        tokens=sum(map(len, inputs)) + sum(len(row.example.target_ids) for row in rows),
        prompt_rows=torch.tensor(answered),
        targets=_padded([row.example.target_ids for row in rows], 0),
        **_marks(labels, rows),
    )


def _marks(labels: "torch.Tensor", rows: Sequence[Weighted]) -> dict[str, Any]:
    import torch

    empty = [0] * (len(labels) - len(rows))
    weights = torch.tensor([*(row.weight for row in rows), *empty], dtype=torch.float32)
    thoughts = torch.tensor([*(row.thought for row in rows), *empty])
    return marks(labels, weights[:, None], thoughts[:, None])


def _padded(rows: Sequence[list[int]], filler: int) -> "torch.Tensor":
    """Rows of one bucketed length, and of a bucketed number."""
    import torch

    length = bucketed(max(map(len, rows)), LENGTH_BUCKET)
    full = [row + [filler] * (length - len(row)) for row in rows]
    empty = bucketed(len(rows), ROW_BUCKET) - len(rows)
    return torch.tensor(full + [[filler] * length] * empty)


def _reach(rows: Sequence[list[int]]) -> "torch.Tensor":
    """The mask of `_padded` rows: which tokens are not padding. A padding row has one visible
    token."""
    ones = _padded([[1] * len(row) for row in rows], 0)
    ones[len(rows) :, 0] = 1
    return ones


def _length(row: Weighted, kind: Kind) -> int:
    prompt, target = len(row.example.prompt_ids), len(row.example.target_ids)
    return prompt + target if kind == "causal" else max(prompt, target)
