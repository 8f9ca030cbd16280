"""Which examples make an optimiser step, and how a step is laid out in tensors.

A step is `step_problems` problems with all their paths; an epoch visits each problem once. The
order depends on the seed alone, so that runs which differ in λ see the same problems in the same
steps. Each sequence stands alone; lengths are bucketed, since every new shape costs a compiled
kernel for ever.
"""

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mdexp.records import Example
from mdexp.students.load import Kind
from mdexp.training.objective import Normalize, example_weights

if TYPE_CHECKING:
    import torch

NO_TARGET = -100  # label of prompt and padding positions: read by the student, never scored
LENGTH_BUCKET = 16
ROW_BUCKET = 2
MAX_REDRAWS = 1000

Pairing = Literal["both", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """Padded sequences, shapes (rows, length). `weights` are those of the objective, 0 if unscored.

    For a causal student `labels[i, j]` is the token that follows `input_ids[i, : j + 1]`; for a
    seq2seq student it is position j of the decoder.
    """

    input_ids: "torch.Tensor"
    attention_mask: "torch.Tensor"
    labels: "torch.Tensor"
    weights: "torch.Tensor"
    thoughts: tuple[str, ...]  # one a row, "" for a row of padding

    def to(self, device: "torch.device") -> "MicroBatch":
        tensors = ("input_ids", "attention_mask", "labels", "weights")
        return replace(self, **{name: getattr(self, name).to(device) for name in tensors})

    def unscored(self) -> "MicroBatch":
        """The same work with no part in the loss: it keeps data-parallel ranks in step."""
        return replace(self, weights=self.weights * 0)


def trainable(
    examples: Sequence[Example], shares: Mapping[str, float] | None, pairing: Pairing
) -> dict[str, list[Example]]:
    """Examples by problem, without thoughts of share 0. With `pairing: both` a problem that lacks
    any thought of the mix is left out, so that λ=0, 0.5 and 1 train on the same problems."""
    problems: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        problems[example.problem_id].append(example)
    mix = shares or {}
    required = set(mix) if pairing == "both" else set()
    unused = {thought for thought, share in mix.items() if share == 0}
    kept = {
        problem: [example for example in rows if example.thought not in unused]
        for problem, rows in problems.items()
        if required <= {example.thought for example in rows}
    }
    return {problem: rows for problem, rows in kept.items() if rows}


def plan_steps(
    problems: Mapping[str, list[Example]],
    shares: Mapping[str, float] | None,
    *,
    step_problems: int,
    epochs: int,
    max_steps: int | None,
    seed: int,
) -> list[list[Example]]:
    """The optimiser steps of a run, in order."""
    names = sorted(problems)
    needed = {name for name, share in (shares or {}).items() if share > 0}
    if lacking := needed - {e.thought for rows in problems.values() for e in rows}:
        raise ValueError(
            f"nothing to train on for {sorted(lacking)}, which have a share of the loss"
        )
    if not names:
        raise ValueError("nothing to train on: no problem has an example")
    per_epoch = math.ceil(len(names) / step_problems)
    steps: list[list[Example]] = []
    for epoch in range(math.ceil(max_steps / per_epoch) if max_steps else epochs):
        order = random.Random(f"{seed} epoch {epoch}").sample(names, len(names))
        for start in range(0, len(order), step_problems):
            drawn = order[start : start + step_problems]
            redraws = random.Random(f"{seed} step {len(steps)}")
            steps.append(_complete_step(drawn, problems, needed, names, redraws))
    return steps[:max_steps]


def _complete_step(
    drawn: Sequence[str],
    problems: Mapping[str, list[Example]],
    needed: set[str],
    names: Sequence[str],
    redraws: random.Random,
) -> list[Example]:
    """The step's examples; one without a target for a weighted thought is drawn again."""
    for _ in range(MAX_REDRAWS):
        step = [example for name in drawn for example in problems[name]]
        if needed <= {example.thought for example in step}:
            return step
        drawn = redraws.sample(names, len(drawn))
    raise ValueError(
        f"no step of {len(drawn)} problems holds all of {sorted(needed)}: "
        "raise trainer.step_problems"
    )


def lay_out(
    step: Sequence[Example],
    shares: Mapping[str, float] | None,
    *,
    kind: Kind,
    normalize: Normalize,
    micro_batch_tokens: int,
    pad_id: int,
) -> list[MicroBatch]:
    """A step as micro-batches of like lengths and row counts, with at most `micro_batch_tokens`
    padded tokens each, or with the fewest rows there can be."""
    weights = example_weights(step, shares, normalize)
    rows = sorted(zip(step, weights, strict=True), key=lambda row: _length(row[0], kind))
    for number in range(1, len(rows) + 1):
        size = _bucket(math.ceil(len(rows) / number), ROW_BUCKET)
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        longest = [_bucket(_length(batch[-1][0], kind), LENGTH_BUCKET) for batch in batches]
        if size * max(longest) <= micro_batch_tokens:
            break
    return [_tensors(batch, kind, pad_id) for batch in batches]


def _tensors(rows: Sequence[tuple[Example, float]], kind: Kind, pad_id: int) -> MicroBatch:
    import torch

    inputs, labels, weights = [], [], []
    for example, weight in rows:
        prompt, target = example.prompt_ids, example.target_ids
        if kind == "causal":
            inputs.append(prompt + target[:-1])
            labels.append([NO_TARGET] * (len(prompt) - 1) + target)
        else:
            inputs.append(prompt)
            labels.append(target)
        weights.append([0.0 if label == NO_TARGET else weight for label in labels[-1]])
    empty = _bucket(len(rows), ROW_BUCKET) - len(rows)
    lengths = [len(row) for row in inputs] + [1] * empty
    thoughts = tuple(example.thought for example, _ in rows) + ("",) * empty
    input_ids = _padded(inputs, empty, pad_id)
    reach = torch.arange(input_ids.shape[1])[None, :] < torch.tensor(lengths)[:, None]
    return MicroBatch(
        input_ids=input_ids,
        attention_mask=reach.long(),
        labels=_padded(labels, empty, NO_TARGET),
        weights=_padded(weights, empty, 0.0),
        thoughts=thoughts,
    )


def _padded(rows: Sequence[Sequence[float]], empty: int, filler: float) -> "torch.Tensor":
    import torch

    length = _bucket(max(len(row) for row in rows), LENGTH_BUCKET)
    full = [[*row, *[filler] * (length - len(row))] for row in rows]
    return torch.tensor(full + [[filler] * length] * empty)


def _length(example: Example, kind: Kind) -> int:
    prompt, target = len(example.prompt_ids), len(example.target_ids)
    return prompt + target if kind == "causal" else max(prompt, target)


def _bucket(size: int, bucket: int) -> int:
    return math.ceil(size / bucket) * bucket
