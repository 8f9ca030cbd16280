"""Rows of a batch as a student advances them: a prompt is read once, then a token a step.

Rows that share a prompt (the samples of one problem) share its prefill, and what all prompts of a
batch begin with (a chat template's head, few-shot exemplars) is read once for all of them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MIN_SHARED_TOKENS = 8


class Rows(Protocol):
    """A batch under way. Logits have shape (rows, vocabulary) and are those of the next token."""

    def start(self) -> Tensor: ...

    def step(self, tokens: Tensor) -> Tensor: ...

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only."""
        ...


class CausalRows:
    """A decoder-only student continues its prompts, which are padded on the left."""

    def __init__(self, model: "PreTrainedModel", prompts: Sequence[Sequence[int]]) -> None:
        self.model = model
        self.distinct, self.row_of = _distinct(prompts)
        self.cache = DynamicCache(config=model.config)
        self.mask = torch.empty(0)

    def start(self) -> Tensor:
        device = self.model.device
        shared = _shared_prefix(self.distinct)
        if shared:
            ids = torch.tensor([self.distinct[0][:shared]], device=device)
            self.model(input_ids=ids, past_key_values=self.cache, logits_to_keep=1)
            self.cache.batch_repeat_interleave(len(self.distinct))
        rest = [prompt[shared:] for prompt in self.distinct]
        width = max(len(prompt) for prompt in rest)
        ids = torch.tensor([[0] * (width - len(p)) + list(p) for p in rest], device=device)
        seen = torch.tensor(
            [[1] * shared + [0] * (width - len(p)) + [1] * len(p) for p in rest], device=device
        )
        positions = (seen.cumsum(1) - 1).clamp(min=0)[:, shared:]
        logits = self._forward(ids, seen, positions)
        rows = torch.tensor(self.row_of, device=device)
        self.mask = seen
        self.keep(rows)
        return logits[rows]

    def step(self, tokens: Tensor) -> Tensor:
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        positions = self.mask.sum(1, keepdim=True) - 1
        return self._forward(tokens[:, None], self.mask, positions)

    def keep(self, rows: Tensor) -> None:
        self.cache.batch_select_indices(rows)
        self.mask = self.mask[rows]

    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        outputs = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self.cache,
            logits_to_keep=1,
        )
        return outputs.logits[:, -1]


class Seq2SeqRows:
    """An encoder-decoder student reads its prompt once and writes from the start token."""

    def __init__(
        self, model: "PreTrainedModel", prompts: Sequence[Sequence[int]], pad_id: int
    ) -> None:
        self.model = model
        self.distinct, self.row_of = _distinct(prompts)
        width = max(len(prompt) for prompt in self.distinct)
        padded = [[*p, *[pad_id] * (width - len(p))] for p in self.distinct]
        reach = [[1] * len(p) + [0] * (width - len(p)) for p in self.distinct]
        self.ids = torch.tensor(padded, device=model.device)
        self.mask = torch.tensor(reach, device=model.device)
        config = model.config
        self.cache = EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))
        self.encoded = torch.empty(0)

    def start(self) -> Tensor:
        encoder = self.model.get_encoder()
        encoded = encoder(input_ids=self.ids, attention_mask=self.mask).last_hidden_state
        rows = torch.tensor(self.row_of, device=self.model.device)
        self.encoded, self.mask = encoded[rows], self.mask[rows]
        first = torch.full_like(rows, self.model.config.decoder_start_token_id)
        return self.step(first)

    def step(self, tokens: Tensor) -> Tensor:
        outputs = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self.encoded),
            attention_mask=self.mask,
            decoder_input_ids=tokens[:, None],
            past_key_values=self.cache,
            use_cache=True,
        )
        return outputs.logits[:, -1]

    def keep(self, rows: Tensor) -> None:
        self.cache.batch_select_indices(rows)
        self.encoded, self.mask = self.encoded[rows], self.mask[rows]


def _distinct(prompts: Sequence[Sequence[int]]) -> tuple[list[Sequence[int]], list[int]]:
    """The distinct prompts, and for each row which of them it has."""
    index = {key: i for i, key in enumerate(dict.fromkeys(tuple(prompt) for prompt in prompts))}
    return list(index), [index[tuple(prompt)] for prompt in prompts]


def _shared_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """How many first tokens all prompts share, each keeping one; 0 if too few to matter."""
    if len(prompts) < 2:
        return 0
    shared = 0
    for column in zip(*(prompt[:-1] for prompt in prompts), strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    return shared if shared >= MIN_SHARED_TOKENS else 0
