"""Attention over prefixes that rows share: their keys and values are held once, not once per row.

The rows of a batch form a tree. What all prompts begin with (a chat template's head, few-shot
exemplars), the question of one problem, and the row's own tokens are its levels. A level that is
read becomes a `SharedPrefix` segment; rows attend over the segments above them and over their own
tokens, in one softmax. Shapes: rows R, key-value heads K, queries of a key-value head q, head size
d.

Plain matrix products on purpose: with one query a row they take a tenth of the time of
scaled_dot_product_attention with a mask on a CPU, and are right on every device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import AttentionInterface

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ATTENTION = "mdexp_prefixes"
BUCKET = 32  # columns by which the room for a row's own tokens grows
FIRST_BUCKET = 8  # up to there: a step of a beam is seldom longer
COPIED = 64  # tokens a row, up to which a shared segment is rather held several times


@dataclass(slots=True, kw_only=True)
class SharedPrefix:
    """Tokens that groups of rows share. `keys` and `values` of a layer: (groups, K, tokens, d)."""

    keys: list[Tensor]
    values: list[Tensor]
    real: Tensor  # (groups, tokens), False at padding
    group: list[int]  # of each row
    row_of_slot: Tensor | None  # (groups * slots,): as many slots a group as the largest has rows;
    slot_of_row: Tensor | None  # (R,); None where rows are in the order of their slots

    @classmethod
    def among(
        cls, keys: list[Tensor], values: list[Tensor], real: Tensor, group: Sequence[int]
    ) -> "SharedPrefix":
        """Share among rows; groups without any are dropped."""
        used = sorted(set(group))
        if len(used) < len(real):
            index = torch.tensor(used, device=real.device)
            for layer in range(len(keys)):  # one by one, so that little is held twice
                keys[layer], values[layer] = keys[layer][index], values[layer][index]
            real = real[index]
        place = {old: new for new, old in enumerate(used)}
        renamed = [place[old] for old in group]
        members: list[list[int]] = [[] for _ in used]
        for row, number in enumerate(renamed):
            members[number].append(row)
        slots = max(len(rows) for rows in members)
        padded = [row for rows in members for row in [*rows, *rows[:1] * (slots - len(rows))]]
        seat = {row: n * slots + i for n, rows in enumerate(members) for i, row in enumerate(rows)}
        seats = [seat[row] for row in range(len(group))]
        in_order = padded == list(range(len(group)))
        return cls(
            keys=keys,
            values=values,
            real=real,
            group=renamed,
            row_of_slot=None if in_order else torch.tensor(padded, device=real.device),
            slot_of_row=None if in_order else torch.tensor(seats, device=real.device),
        )

    def copied_into(self, below: "SharedPrefix") -> "SharedPrefix":
        """One segment instead of two: what rows share, behind what more of them share."""
        above = dict(zip(below.group, self.group, strict=True))
        index = torch.tensor([above[n] for n in range(len(below.real))], device=self.real.device)
        for layer in range(len(below.keys)):
            below.keys[layer] = torch.cat([self.keys[layer][index], below.keys[layer]], dim=2)
            below.values[layer] = torch.cat([self.values[layer][index], below.values[layer]], dim=2)
        below.real = torch.cat([self.real[index], below.real], dim=1)
        return below

    def times(self, rows: Tensor, shared: Tensor) -> Tensor:
        """`rows` (R, K, q, a), each times what its group has in `shared` (groups, K, a, b)."""
        groups = len(shared)
        _, heads, queries, width = rows.shape
        seated = rows if self.row_of_slot is None else rows[self.row_of_slot]
        seated = seated.view(groups, -1, heads, queries, width)
        slots = seated.shape[1]
        product = seated.transpose(1, 2).reshape(groups, heads, slots * queries, width) @ shared
        product = product.view(groups, heads, slots, queries, -1).transpose(1, 2)
        product = product.reshape(groups * slots, heads, queries, -1)
        return product if self.slot_of_row is None else product[self.slot_of_row]


class Prefixes:
    """What a batch has read so far: shared segments, and each row's own tokens in buckets."""

    def __init__(self, device: torch.device) -> None:
        self.shared: list[SharedPrefix] = []
        self.device = device
        self.bias = torch.empty(0)
        self._empty(1)

    def _empty(self, rows: int) -> None:
        self.rows = rows
        self.width = 0  # own columns in use
        self.keys: list[Tensor] = []  # of a layer: (R, K, room, d)
        self.values: list[Tensor] = []
        self.real = torch.zeros(rows, 0, dtype=torch.bool, device=self.device)  # (R, room)
        self.start = 0

    def share(self, parents: Sequence[int]) -> None:
        """What rows hold becomes shared: new row i goes on, with nothing of its own, where row
        `parents[i]` was."""
        above = [
            SharedPrefix.among(s.keys, s.values, s.real, [s.group[p] for p in parents])
            for s in self.shared
        ]
        if self.width:
            trimmed = slice(0, self.width)
            keys = [key[:, :, trimmed].contiguous() for key in self.keys]
            values = [value[:, :, trimmed].contiguous() for value in self.values]
            above.append(SharedPrefix.among(keys, values, self.real[:, trimmed], parents))
        self.shared = _joined(above)
        self._empty(len(parents))

    def hold(self, levels: list[SharedPrefix], rows: int) -> None:
        """Begin behind what rows have read already, with nothing of their own."""
        self.shared = _joined(levels)
        self._empty(rows)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only; one that is named twice goes on twice."""
        index = torch.tensor(rows, device=self.device)
        for layer in range(len(self.keys)):
            self.keys[layer] = self.keys[layer][index]
            self.values[layer] = self.values[layer][index]
        self.real = self.real[index]
        self.rows = len(rows)
        self.shared = [
            SharedPrefix.among(s.keys, s.values, s.real, [s.group[row] for row in rows])
            for s in self.shared
        ]

    def advance(self, real: Tensor, dtype: torch.dtype) -> None:
        """Make room for the next tokens of every row, `real` (R, q), and see who sees whom."""
        length = real.shape[1]
        self.start, self.width = self.width, self.width + length
        bucket = BUCKET if self.width > BUCKET else FIRST_BUCKET
        room = -(-self.width // bucket) * bucket
        more = room - self.real.shape[1]
        if more:
            self.real = torch.cat([self.real, self.real.new_zeros(self.rows, more)], dim=1)
            for held in (self.keys, self.values):
                for layer, old in enumerate(held):
                    _, heads, _, size = old.shape
                    held[layer] = torch.cat([old, old.new_zeros(self.rows, heads, more, size)], 2)
        self.real[:, self.start : self.width] = real
        causal = torch.ones(length, room, dtype=torch.bool, device=self.device).tril(self.start)
        own = self.real[:, None] & causal
        seen = [s.real[s.group][:, None].expand(-1, length, -1) for s in self.shared]
        visible = torch.cat([*seen, own], dim=2)[:, None, None]  # (R, 1, 1, q, tokens)
        hidden = torch.finfo(dtype).min  # finite: the queries of padding see nothing at all
        self.bias = torch.zeros(visible.shape, dtype=dtype, device=self.device)
        self.bias.masked_fill_(~visible, hidden)

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float
    ) -> Tensor:
        """Store the new keys and values, (R, K, q, d), and attend: (R, q, heads, d)."""
        keys, values = self._stored(layer, key, value)
        rows, heads, length, size = query.shape
        # The heads of a key-value head stand side by side, as further queries of it.
        folded = (query * scaling).reshape(rows, key.shape[1], -1, size)
        scores = [s.times(folded, s.keys[layer].transpose(2, 3)) for s in self.shared]
        scores.append(folded @ keys.transpose(2, 3))
        together = torch.cat(scores, dim=3)
        tokens = together.shape[3]
        together = together.view(rows, key.shape[1], -1, length, tokens) + self.bias
        weights = together.softmax(-1).to(query.dtype).view(rows, key.shape[1], -1, tokens)
        parts = weights.split([s.shape[3] for s in scores], dim=3)
        mixed = parts[-1] @ values
        for segment, part in zip(self.shared, parts, strict=False):
            mixed = mixed + segment.times(part, segment.values[layer])
        return mixed.view(rows, heads, length, size).transpose(1, 2)

    def _stored(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        if layer == len(self.keys):
            rows, heads, _, size = key.shape
            shape = (rows, heads, self.real.shape[1], size)
            self.keys.append(key.new_zeros(shape))
            self.values.append(value.new_zeros(shape))
        self.keys[layer][:, :, self.start : self.width] = key
        self.values[layer][:, :, self.start : self.width] = value
        return self.keys[layer], self.values[layer]


def _joined(segments: list[SharedPrefix]) -> list[SharedPrefix]:
    """Each segment costs products of its own: a short one is copied to the groups of the next."""
    joined: list[SharedPrefix] = []
    for segment in segments:
        above = joined[-1] if joined else None
        if above and above.real.shape[1] * len(segment.real) <= COPIED * len(segment.group):
            joined[-1] = above.copied_into(segment)
        else:
            joined.append(segment)
    return joined


def why_not_shared(model: "PreTrainedModel", length: int) -> str | None:
    """Why rows of `length` tokens cannot share prefixes; None where they can: the model hands its
    attention over whole, and all its layers see every token."""
    config, name = model.config, type(model).__name__
    if not getattr(model, "_supports_attention_backend", False):
        return f"{name} does not let its attention be exchanged"
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if others := sorted(kinds - {"full_attention", "sliding_attention"}):
        return f"{name} has layers of {', '.join(others)}"
    window = getattr(config, "sliding_window", None)
    if window is not None and length > window:
        return f"{name} sees {window} tokens, of which {length} are needed"
    unknown = [n for n in ("attn_logit_softcapping", "is_hybrid") if getattr(config, n, None)]
    return f"{name} has {', '.join(unknown)}" if unknown else None


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    prefixes: Prefixes,
    scaling: float | None = None,
    s_aux: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    assert s_aux is None and attention_mask is None, "attention that shared prefixes do not know"
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return prefixes.attend(module.layer_idx, query, key, value, scale), None


AttentionInterface.register(ATTENTION, _attend)
