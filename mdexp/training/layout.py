"""Lays out an optimiser step in tensors: as trees that share prompts, or as separate rows.

Both give the same loss and gradients; training/layout_check.py checks that for each student.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from mdexp.records import Example
from mdexp.students.load import Kind
from mdexp.training.micro_batch import MicroBatch, Weighted
from mdexp.training.objective import Weigh
from mdexp.training.rows import row_batches
from mdexp.training.trees import tree_batches

Layout = Literal["tree", "separate"]


def lay_out(
    step: Sequence[Example],
    shares: Mapping[str, float] | None,
    *,
    kind: Kind,
    layout: Layout,
    weigh: Weigh,
    micro_batch_tokens: int,
    pad_id: int,
) -> list[MicroBatch]:
    """Split a step into micro-batches of one role each, with at most `micro_batch_tokens` padded
    tokens where the sequences allow it. With `layout` tree, paths share the computation of their
    common prompt: the trunk for a causal student, the encoder's pass for a seq2seq student."""
    names = tuple(sorted({example.thought for example in step}))
    weights = weigh(step, shares)
    weighted = [
        Weighted(example=example, weight=weight, thought=names.index(example.thought))
        for example, weight in zip(step, weights, strict=True)
    ]
    size = {"micro_batch_tokens": micro_batch_tokens, "pad_id": pad_id}
    batches: list[MicroBatch] = []
    for role in dict.fromkeys(example.role for example in step):
        ours = [one for one in weighted if one.example.role == role]
        if kind == "causal" and layout == "tree":
            made = tree_batches(ours, names, **size)
        else:
            made = row_batches(ours, names, kind=kind, share_prompts=layout == "tree", **size)
        batches += [replace(batch, role=role) for batch in made]
    return batches
