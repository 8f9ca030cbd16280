"""A frozen student's hidden states within texts: what a head on it reads.

The prompt of several texts is read once, and each text behind it.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel

States = NDArray[np.float32]


class Prefix(NamedTuple):
    """A prompt, and the tokens of a text behind it, perhaps none."""

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class PrefixReader:
    """Reads prefixes with a causal student. `depths` are of layers: 0 the embeddings, 1 the last
    one. `prompt_tokens` and `text_tokens` count what was read."""

    model: "PreTrainedModel"
    depths: Sequence[float]
    batch_size: int  # texts behind a prompt at a time
    prompt_tokens: int = field(default=0)
    text_tokens: int = field(default=0)

    @property
    def num_tokens(self) -> int:
        """All that was read."""
        return self.prompt_tokens + self.text_tokens

    @torch.inference_mode()
    def read(self, prefixes: Sequence[Prefix], places: Sequence[Sequence[int]]) -> list[States]:
        """Of each prefix the states, (places, depths, hidden size), in float32. A place is a number
        of tokens of the text: the state is that behind the last of them, of 0 behind the prompt.
        Equal prefixes are read once."""
        wanted: dict[tuple[int, ...], dict[tuple[int, ...], set[int]]] = {}
        for (prompt, text), at in zip(prefixes, places, strict=True):
            wanted.setdefault(prompt, {}).setdefault(text, set()).update(at)
        found: dict[Prefix, dict[int, States]] = {}
        for prompt, texts in wanted.items():
            found |= self._behind(prompt, texts)
        return [
            np.stack([found[prefix][place] for place in at])
            for prefix, at in zip(prefixes, places, strict=True)
        ]

    def _behind(
        self, prompt: tuple[int, ...], texts: Mapping[tuple[int, ...], set[int]]
    ) -> dict[Prefix, dict[int, States]]:
        """Of each text the states, (depths, hidden size), at its places, and no others: the states
        of all tokens of ten thousand texts would take gigabytes."""
        first = self._forward([prompt])
        self.prompt_tokens += len(prompt)
        start = self._states(first)[0, -1].copy()
        found = {Prefix(prompt, text): {0: start} for text in texts}
        written = sorted(filter(None, texts), key=len)
        for begin in range(0, len(written), self.batch_size):
            batch = written[begin : begin + self.batch_size]
            cache = deepcopy(first.past_key_values)  # reading adds to it
            cache.batch_repeat_interleave(len(batch))
            states = self._states(self._forward(batch, cache))
            self.text_tokens += sum(map(len, batch))
            for text, row in zip(batch, states, strict=True):
                read = {place: row[place - 1].copy() for place in texts[text] if place}
                found[Prefix(prompt, text)] |= read
        return found

    def _forward(self, texts: Sequence[tuple[int, ...]], cache: Any = None) -> Any:
        """Padding is on the right, where causal attention never looks, so that it needs no mask."""
        width = max(map(len, texts))
        rows = torch.tensor([[*text, *[0] * (width - len(text))] for text in texts])
        base = getattr(self.model, self.model.base_model_prefix)  # without the head
        return base(
            input_ids=rows.to(self.model.device),
            past_key_values=cache,
            use_cache=True,
            output_hidden_states=True,
        )

    def _states(self, read: Any) -> States:
        """(rows, tokens, depths, hidden size)."""
        layers: tuple[Tensor, ...] = read.hidden_states
        chosen = [layers[round(depth * (len(layers) - 1))] for depth in self.depths]
        return torch.stack(chosen, dim=2).float().cpu().numpy()
