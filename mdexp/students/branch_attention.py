"""Attention over packed trees: a branch sees its trunk and itself, and no other branch.

All tokens of a batch lie in one row, so that no product with a weight matrix meets padding. Only
attention cuts the row into blocks of like size, and puts the results back where they belong.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "mdexp_branches"
# What families ask of an attention function beyond a scaled softmax; none of it is done here.
_NOT_DONE = ("softcap", "s_aux", "position_bias")


class TreeUnsupported(ValueError):
    """The student's attention cannot be computed over a tree; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionBlock:
    """Runs of tokens that attend together, padded to one size, as indices into the packed row."""

    queries: Tensor  # (runs, queries)
    keys: Tensor  # (runs, keys)
    seen: Tensor  # (runs, queries, keys), true where a query sees a key

    def to(self, device: torch.device) -> "AttentionBlock":
        return AttentionBlock(
            queries=self.queries.to(device),
            keys=self.keys.to(device),
            seen=self.seen.to(device),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """How the tokens of a packed row attend."""

    blocks: tuple[AttentionBlock, ...]
    positions: Tensor  # (1, tokens), those of a branch go on from its trunk's
    place: Tensor  # (tokens,), where a token is found among the queries of all blocks
    longest: int  # tokens of the longest trunk with its branch

    def to(self, device: torch.device) -> "Tree":
        return Tree(
            blocks=tuple(block.to(device) for block in self.blocks),
            positions=self.positions.to(device),
            place=self.place.to(device),
            longest=self.longest,
        )


@contextmanager
def branch_attention(model: "PreTrainedModel") -> Iterator[None]:
    """Within, the model attends over the `tree` that its forward is given, and as ever without one.

    TreeUnsupported if the model does not let its attention be exchanged.
    """
    before = model.config._attn_implementation
    AttentionInterface.register(NAME, _attention)
    try:
        model.set_attn_implementation(NAME)
    except (ValueError, NotImplementedError) as error:
        raise TreeUnsupported(str(error).splitlines()[0]) from error
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    tree: Tree | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """What transformers calls in every layer; tensors are (1, heads, tokens, head size)."""
    if tree is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, **options
        )
    _refuse(tree, options)
    scaling = 1 / math.sqrt(query.shape[-1]) if scaling is None else scaling
    rows = [_in_precision(states[0].transpose(0, 1)) for states in (query, key, value)]
    found = [_attend(block, *rows, scaling=scaling, dropout=dropout) for block in tree.blocks]
    return torch.cat(found).index_select(0, tree.place)[None], None


def _refuse(tree: Tree, options: dict[str, Any]) -> None:
    if asked := [name for name in _NOT_DONE if options.get(name) is not None]:
        raise TreeUnsupported(f"its attention uses {', '.join(asked)}")
    window = options.get("sliding_window")
    if window is not None and tree.longest > window:
        raise TreeUnsupported(f"{tree.longest} tokens are above its window of {window}")


def _attend(
    block: AttentionBlock,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scaling: float,
    dropout: float,
) -> Tensor:
    """Results (queries of all runs, heads, head size) from packed (tokens, heads, head size)."""
    q = _run(query, block.queries)
    k, v = _run(key, block.keys), _run(value, block.keys)
    attended = _by_products if query.device.type == "cpu" else _by_kernel
    return attended(q, k, v, block.seen, scaling, dropout).transpose(1, 2).flatten(0, 1)


def _run(states: Tensor, index: Tensor) -> Tensor:
    """(tokens, heads, size) to (runs, heads, tokens of a run, size)."""
    picked = states.index_select(0, index.flatten())
    return picked.view(*index.shape, *states.shape[1:]).transpose(1, 2)


def _in_precision(states: Tensor) -> Tensor:
    """As autocast would have it; rotary embeddings leave float32 behind."""
    device = states.device.type
    return (
        states.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else states
    )


def _by_kernel(
    q: Tensor, k: Tensor, v: Tensor, seen: Tensor, scaling: float, dropout: float
) -> Tensor:
    return F.scaled_dot_product_attention(
        q, k, v, seen[:, None], dropout, scale=scaling, enable_gqa=True
    )


def _by_products(
    q: Tensor, k: Tensor, v: Tensor, seen: Tensor, scaling: float, dropout: float
) -> Tensor:
    """Attention as two matrix products: on a CPU, with short runs, several times faster than the
    fused kernel's backward pass. Queries that share a key's head lie below each other."""
    runs, heads, num_queries, size = q.shape
    key_heads = k.shape[1]
    grouped = (q * scaling).reshape(runs, key_heads, -1, size)
    scores = (grouped @ k.transpose(2, 3)).view(runs, key_heads, -1, *seen.shape[1:])
    hidden = torch.zeros_like(seen, dtype=q.dtype).masked_fill_(~seen, torch.finfo(q.dtype).min)
    likely = torch.softmax(scores + hidden[:, None, None], dim=-1).to(q.dtype)
    likely = F.dropout(likely, dropout).view(runs, key_heads, -1, seen.shape[2])
    return (likely @ v).view(runs, heads, num_queries, size)
