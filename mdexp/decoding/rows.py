"""Rows of a batch as a student advances them: prompts are read once, then a token a step.

`PrefixRows` store shared prefixes once, `ContinuedRows` continue cached texts. `CachedRows` are for
decoder-only students whose attention cannot be replaced, `Seq2SeqRows` for encoder-decoders.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from mdexp.decoding.cached_text import CachedText, levels_of
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.prefixes import ATTENTION, Prefixes, why_not_shared

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from mdexp.students.load import Kind

MIN_SHARED_TOKENS = 8

Prompt = Sequence[int]


class Rows(Protocol):
    """A batch under way. Logits have shape (rows, vocabulary) and are those of the next token."""

    def start(self) -> Tensor: ...

    def step(self, tokens: Tensor) -> Tensor: ...

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only; one that is named twice goes on twice."""
        ...


def open_rows(
    model: "PreTrainedModel",
    kind: "Kind",
    prompts: Sequence[Prompt],
    problems: Sequence[str],
    *,
    pad_id: int,
    max_new_tokens: int,
    work: DecodeStats,
    texts: Sequence[CachedText] = (),
) -> Rows:
    """Rows for prompts; those of one problem share what their prompts begin with, and of `texts`
    what was read is not read again. Where the student does not allow that, `work` counts the
    rows."""
    if kind == "seq2seq":
        return Seq2SeqRows(model, prompts, pad_id)
    longest = max(len(prompt) for prompt in prompts) + max_new_tokens
    why_not = why_not_shared(model, longest)
    if why_not is None:
        work.sharing += len(prompts)
        if any(text.num_read for text in texts):
            return ContinuedRows(model, texts, problems)
        return PrefixRows(model, prompts, problems)
    work.count_unshared(len(prompts), why_not)
    return CachedRows(model, prompts)


class PrefixRows:
    """A decoder-only student continues prompts: head of all, trunk of a problem, rest of a row."""

    def __init__(
        self, model: "PreTrainedModel", prompts: Sequence[Prompt], problems: Sequence[str]
    ) -> None:
        self.model = model
        self.problem_of = _numbered(problems)
        self.distinct, self.row_of = _distinct(prompts, self.problem_of)
        self.prefixes = Prefixes(model.device)
        self.lengths = torch.zeros(1, dtype=torch.long, device=model.device)  # (R,) tokens read

    def start(self) -> Tensor:
        of_problem: dict[int, list[Prompt]] = {}
        for problem, prompt in self.distinct:
            of_problem.setdefault(problem, []).append(prompt)
        trunks = [prompts[0][: _in_common(prompts)] for prompts in of_problem.values()]
        shared = _in_common(trunks) if len(trunks) > 1 else 0
        head = shared if shared >= MIN_SHARED_TOKENS else 0
        if head:
            self._read([trunks[0][:head]], pad_left=False)
        self._share([0] * len(trunks))
        if max(len(trunk) for trunk in trunks) > head:
            self._read([trunk[head:] for trunk in trunks], pad_left=False)
        numbers = {problem: number for number, problem in enumerate(of_problem)}
        parents = [numbers[problem] for problem, _ in self.distinct]
        self._share(parents)
        rests = [
            prompt[len(trunks[parent]) :]
            for parent, (_, prompt) in zip(parents, self.distinct, strict=True)
        ]
        logits = self._read(rests, pad_left=True)
        self._share(self.row_of)
        return logits[torch.tensor(self.row_of, device=logits.device)]

    def step(self, tokens: Tensor) -> Tensor:
        return self._forward(tokens[:, None], torch.ones_like(tokens[:, None], dtype=torch.bool))

    def keep(self, rows: Sequence[int]) -> None:
        self.prefixes.keep(rows)
        self.lengths = self.lengths[torch.tensor(rows, device=self.lengths.device)]

    def resume(self, texts: Sequence[CachedText]) -> Tensor:
        """`start`, where some tokens of the prompts were read before."""
        self.prefixes.hold(levels_of(texts, self.model.device), len(texts))
        read = [text.num_read for text in texts]
        self.lengths = torch.tensor(read, device=self.model.device)
        rests = [text.ids[n:] for text, n in zip(texts, read, strict=True)]
        return self._read(rests, pad_left=True)

    def _share(self, parents: Sequence[int]) -> None:
        self.prefixes.share(parents)
        self.lengths = self.lengths[torch.tensor(parents, device=self.lengths.device)]

    def _read(self, texts: Sequence[Prompt], *, pad_left: bool) -> Tensor:
        """Read a text in each row; on the left padding leaves the last token in the last column."""
        width = max(len(text) for text in texts)
        pads = [[0] * (width - len(text)) for text in texts]
        ids = [[*p, *t] if pad_left else [*t, *p] for p, t in zip(pads, texts, strict=True)]
        marks = [
            [*p, *[1] * len(t)] if pad_left else [*[1] * len(t), *p]
            for p, t in zip(pads, texts, strict=True)
        ]
        device = self.model.device
        real = torch.tensor(marks, dtype=torch.bool, device=device)
        return self._forward(torch.tensor(ids, device=device), real)

    def _forward(self, ids: Tensor, real: Tensor) -> Tensor:
        """Read tokens (R, q); logits after the last column."""
        self.prefixes.advance(real, torch.promote_types(self.model.dtype, torch.float32))
        positions = self.lengths[:, None] + (real.cumsum(1) - 1).clamp(min=0)
        self.lengths = self.lengths + real.sum(1)
        with _attention(self.model, ATTENTION):
            outputs = self.model(
                input_ids=ids,
                position_ids=positions,
                use_cache=False,
                logits_to_keep=1,
                prefixes=self.prefixes,
            )
        return outputs.logits[:, -1]


class ContinuedRows:
    """A decoder-only student continues texts that it has read but for their last tokens."""

    def __init__(
        self, model: "PreTrainedModel", texts: Sequence[CachedText], problems: Sequence[str]
    ) -> None:
        self.texts = texts
        self.rows = PrefixRows(model, [text.ids for text in texts], problems)

    @property
    def prefixes(self) -> Prefixes:
        return self.rows.prefixes

    def start(self) -> Tensor:
        return self.rows.resume(self.texts)

    def step(self, tokens: Tensor) -> Tensor:
        return self.rows.step(tokens)

    def keep(self, rows: Sequence[int]) -> None:
        self.rows.keep(rows)


class CachedRows:
    """A decoder-only student continues its prompts, which are padded on the left."""

    def __init__(self, model: "PreTrainedModel", prompts: Sequence[Prompt]) -> None:
        self.model = model
        distinct, self.row_of = _distinct(prompts, [0] * len(prompts))
        self.distinct = [prompt for _, prompt in distinct]
        self.cache = DynamicCache(config=model.config)
        self.mask = torch.empty(0)

    def start(self) -> Tensor:
        device = self.model.device
        width = max(len(prompt) for prompt in self.distinct)
        pads = [[0] * (width - len(prompt)) for prompt in self.distinct]
        pairs = list(zip(pads, self.distinct, strict=True))
        ids = torch.tensor([[*pad, *prompt] for pad, prompt in pairs], device=device)
        self.mask = torch.tensor([[*pad, *[1] * len(p)] for pad, p in pairs], device=device)
        logits = self._forward(ids, (self.mask.cumsum(1) - 1).clamp(min=0))
        self.keep(self.row_of)
        return logits[torch.tensor(self.row_of, device=device)]

    def step(self, tokens: Tensor) -> Tensor:
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        return self._forward(tokens[:, None], self.mask.sum(1, keepdim=True) - 1)

    def keep(self, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, device=self.model.device)
        self.cache.batch_select_indices(index)
        self.mask = self.mask[index]

    def _forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        outputs = self.model(
            input_ids=ids,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            logits_to_keep=1,
        )
        return outputs.logits[:, -1]


class Seq2SeqRows:
    """An encoder-decoder student reads each distinct prompt once and writes from its start token.

    The first step, too, is taken once a prompt: the samples share its cross-attention keys.
    """

    def __init__(self, model: "PreTrainedModel", prompts: Sequence[Prompt], pad_id: int) -> None:
        self.model = model
        distinct, self.row_of = _distinct(prompts, [0] * len(prompts))
        width = max(len(prompt) for _, prompt in distinct)
        padded = [[*p, *[pad_id] * (width - len(p))] for _, p in distinct]
        reach = [[1] * len(p) + [0] * (width - len(p)) for _, p in distinct]
        self.ids = torch.tensor(padded, device=model.device)
        self.mask = torch.tensor(reach, device=model.device)
        config = model.config
        self.cache = EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))
        self.encoded = torch.empty(0)

    def start(self) -> Tensor:
        encoder = self.model.get_encoder()
        self.encoded = encoder(input_ids=self.ids, attention_mask=self.mask).last_hidden_state
        first = torch.full_like(self.ids[:, 0], self.model.config.decoder_start_token_id)
        logits = self.step(first)
        self.keep(self.row_of)
        return logits[torch.tensor(self.row_of, device=logits.device)]

    def step(self, tokens: Tensor) -> Tensor:
        outputs = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self.encoded),
            attention_mask=self.mask,
            decoder_input_ids=tokens[:, None],
            past_key_values=self.cache,
            use_cache=True,
        )
        return outputs.logits[:, -1]

    def keep(self, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, device=self.model.device)
        self.cache.batch_select_indices(index)
        self.encoded, self.mask = self.encoded[index], self.mask[index]


@contextmanager
def _attention(model: "PreTrainedModel", implementation: str) -> Iterator[None]:
    """Let the model attend in another way for a moment."""
    config = model.config
    before = config._attn_implementation
    config._attn_implementation = implementation
    try:
        yield
    finally:
        config._attn_implementation = before


def _numbered(names: Sequence[str]) -> list[int]:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return [numbers[name] for name in names]


def _distinct(
    prompts: Sequence[Prompt], problems: Sequence[int]
) -> tuple[list[tuple[int, Prompt]], list[int]]:
    """The distinct prompts with their problems, and for each row which of them it has."""
    keys = [(problem, tuple(prompt)) for problem, prompt in zip(problems, prompts, strict=True)]
    index = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return list(index), [index[key] for key in keys]


def _in_common(prompts: Sequence[Prompt]) -> int:
    """How many first tokens all prompts share, each keeping one of its own."""
    most = min(len(prompt) for prompt in prompts) - 1
    first = prompts[0]
    for place in range(most):
        if any(prompt[place] != first[place] for prompt in prompts[1:]):
            return place
    return max(most, 0)
