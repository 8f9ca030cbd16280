"""A micro-batch: tensors, what is scored, and how much is padding."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mdexp.records import ONLY_ROLE, Example
from mdexp.students.likelihood import NO_TARGET

if TYPE_CHECKING:
    import torch

    from mdexp.students.branch_attention import Tree

UNCOUNTED = -1  # the thought index of unscored positions


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """Sequences in padded rows, or trees packed into one row.

    `labels`, `weights` and `thoughts` have one shape: for a causal student that of `input_ids`,
    where a label is the token that follows; for a seq2seq student (rows, length of the decoder).
    """

    input_ids: "torch.Tensor"
    attention_mask: "torch.Tensor"
    labels: "torch.Tensor"
    weights: "torch.Tensor"  # those of the objective, 0 where unscored
    thoughts: "torch.Tensor"  # index into `names`
    names: tuple[str, ...]  # the thoughts of the whole step
    tokens: int  # read or written by the student, without padding
    role: str = ONLY_ROLE  # the role whose adapter computes it
    tree: "Tree | None" = None
    prompt_rows: "torch.Tensor | None" = None  # seq2seq: the row of the prompt of each target
    targets: "torch.Tensor | None" = None  # seq2seq: tokens of the targets, scored or not; 0 behind

    @property
    def padded_tokens(self) -> int:
        """The number of computed tokens, with padding."""
        return self.input_ids.numel() + (0 if self.prompt_rows is None else self.labels.numel())

    def reading(self) -> dict[str, Any]:
        """The tensors that `weighted_loss` needs."""
        return {
            "input_ids": self.input_ids,
            "attention_mask": self.attention_mask,
            "labels": self.labels,
            "weights": self.weights,
            "tree": self.tree,
            "prompt_rows": self.prompt_rows,
            "targets": self.targets,
        }

    def to(self, device: "torch.device") -> "MicroBatch":
        tensors = ("input_ids", "attention_mask", "labels", "weights", "thoughts")
        here = {name: getattr(self, name) for name in (*tensors, "tree", "prompt_rows", "targets")}
        return replace(self, **{k: v.to(device) for k, v in here.items() if v is not None})

    def unscored(self) -> "MicroBatch":
        """The same work without part in loss or counts, which keeps data-parallel ranks in step."""
        uncounted = self.thoughts.new_full(self.thoughts.shape, UNCOUNTED)
        return replace(self, weights=self.weights * 0, thoughts=uncounted, tokens=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """An example of a step, with the weight of each of its target tokens."""

    example: Example
    weight: float
    thought: int  # index into the names of the step's thoughts

    def inputs(self) -> list[int]:
        """The tokens that a causal student reads."""
        return self.example.prompt_ids + self.example.target_ids[:-1]

    def labels(self) -> list[int]:
        """The tokens that follow each of `inputs`, where they are scored."""
        return [NO_TARGET] * (len(self.example.prompt_ids) - 1) + self.targets()

    def targets(self) -> list[int]:
        """The target's tokens where they are scored."""
        example = self.example
        pairs = zip(example.target_ids, example.scored(), strict=True)
        return [token if scored else NO_TARGET for token, scored in pairs]


def marks(
    labels: "torch.Tensor", weights: "torch.Tensor", thoughts: "torch.Tensor"
) -> dict[str, Any]:
    """The `weights` and `thoughts` of a micro-batch, from those of its rows or tokens."""
    scored = labels != NO_TARGET
    return {"weights": weights * scored, "thoughts": thoughts.where(scored, UNCOUNTED)}


def bucketed(size: int, bucket: int) -> int:
    """A size rounded up to a bucket: every new shape compiles a kernel that stays in memory."""
    return math.ceil(size / bucket) * bucket
