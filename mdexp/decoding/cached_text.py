"""The cached keys and values of a text that a student has read.

A text is immutable. Two texts that continue one share its tensors (a fork), a text that is used
later continues where it was (parked and rejoined), and an unreferenced one is freed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mdexp.decoding.prefixes import Prefixes, SharedPrefix


@dataclass(frozen=True, slots=True, eq=False)
class CachedTokens:
    """Keys and values of consecutive tokens, both (layers, key-value heads, tokens, head size)."""

    keys: Tensor
    values: Tensor

    def __len__(self) -> int:
        return self.keys.shape[2]

    def first(self, count: int) -> "CachedTokens":
        return CachedTokens(self.keys[:, :, :count], self.values[:, :, :count])


Parts = tuple[CachedTokens, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CachedText:
    """Tokens, of which the student has read the first `num_read`; the others are read when the text
    is continued. Texts with the same `prompt` objects hold it once.

    `logits` (vocabulary,) are those behind each of the last tokens that were read.
    """

    ids: tuple[int, ...] = ()
    prompt: Parts = ()
    tail: Parts = ()
    logits: tuple[Tensor, ...] = ()

    @property
    def num_read(self) -> int:
        return sum(map(len, (*self.prompt, *self.tail)))

    def logits_behind(self, ids: Sequence[int]) -> Tensor | None:
        """The logits of the next token after these tokens, if the text begins with them and kept
        the logits."""
        place = len(self.logits) - 1 - self.num_read + len(ids)
        if 0 <= place < len(self.logits) and self.ids[: len(ids)] == tuple(ids):
            return self.logits[place]
        return None

    def trimmed(self, count: int) -> "CachedText":
        """The first `count` tokens."""
        prompt = _first(self.prompt, count)
        rest = count - sum(map(len, prompt))
        return CachedText(self.ids[:count], prompt, _first(self.tail, rest))

    def appended(self, ids: Sequence[int]) -> "CachedText":
        """The text with further tokens, which have not been read yet."""
        return replace(self, ids=(*self.ids, *ids))

    def continued_as(self, ids: Sequence[int]) -> "CachedText":
        """A text of these tokens that reuses the cache of the common beginning. The last token is
        read again; `logits_behind` says when that is not needed."""
        common = 0
        for ours, theirs in zip(self.ids, ids, strict=False):
            if ours != theirs:
                break
            common += 1
        kept = self.trimmed(min(common, self.num_read, len(ids) - 1))
        return kept.appended(ids[len(kept.ids) :])


def prompts_read(prefixes: Prefixes) -> list[Parts]:
    """What each row shares with others, level by level; rows of a group get the same object."""
    levels = [
        [
            CachedTokens(
                torch.stack([keys[group, :, real] for keys in level.keys]),
                torch.stack([values[group, :, real] for values in level.values]),
            )
            for group, real in enumerate(level.real)
        ]
        for level in prefixes.shared
    ]
    groups = [level.group for level in prefixes.shared]
    return [
        tuple(level[group[row]] for level, group in zip(levels, groups, strict=True))
        for row in range(prefixes.rows)
    ]


def own_tokens(prefixes: Prefixes, row: int, count: int) -> CachedTokens:
    """The first `count` tokens that a row has to itself; padding stands before them."""
    first = prefixes.width - int(prefixes.real[row].sum())
    own = slice(first, first + count)
    return CachedTokens(
        torch.stack([keys[row, :, own] for keys in prefixes.keys]),
        torch.stack([values[row, :, own] for values in prefixes.values]),
    )


def levels_of(texts: Sequence[CachedText], device: torch.device) -> list[SharedPrefix]:
    """What the rows of a batch have read: a level for each part of their prompts, one for what was
    written."""
    depth = max(len(text.prompt) for text in texts)
    parts = [[text.prompt[level : level + 1] for text in texts] for level in range(depth)]
    parts.append([text.tail for text in texts])
    return [_level(level, device) for level in parts if any(level)]


def _level(parts: Sequence[Parts], device: torch.device) -> SharedPrefix:
    names = [tuple(map(id, part)) for part in parts]
    distinct = dict(zip(names, parts, strict=True))
    place = {name: number for number, name in enumerate(distinct)}
    lengths = [sum(map(len, part)) for part in distinct.values()]
    layers, heads, _, size = next(part[0].keys.shape for part in parts if part)
    like = next(part[0].keys for part in parts if part)
    shape = (layers, len(distinct), heads, max(lengths), size)
    keys, values = like.new_zeros(shape), like.new_zeros(shape)
    for group, part in enumerate(distinct.values()):
        start = 0
        for tokens in part:
            there = slice(start, start := start + len(tokens))
            keys[:, group, :, there], values[:, group, :, there] = tokens.keys, tokens.values
    columns = torch.arange(max(lengths), device=device)
    real = columns < torch.tensor(lengths, device=device)[:, None]
    return SharedPrefix.among(list(keys), list(values), real, [place[name] for name in names])


def _first(parts: Parts, count: int) -> Parts:
    kept: list[CachedTokens] = []
    for part in parts:
        if count <= 0:
            break
        kept.append(part if len(part) <= count else part.first(count))
        count -= len(part)
    return tuple(kept)
