"""The student's hidden states behind texts that a session has read: what a head on it scores.

Only the last token of a text is read again, whatever its length.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.rows import PrefixRows
from mdexp.students.prefix_states import States

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@torch.inference_mode()
def states_behind(
    model: "PreTrainedModel", texts: Sequence[CachedText], depth: float, batch_size: int
) -> list[States]:
    """Of each text the state (hidden size,) of its last token, in float32; `depth` is that of the
    layer: 0 the embeddings, 1 the last one."""
    found: list[States] = []
    for start in range(0, len(texts), batch_size):
        few = texts[start : start + batch_size]
        with _kept_states(model, depth) as kept:
            PrefixRows(model, [text.ids for text in few], [""] * len(few)).resume(few)
        [states] = kept
        found += list(states.float().cpu().numpy())
    return found


@contextmanager
def _kept_states(model: "PreTrainedModel", depth: float) -> Iterator[list[Tensor]]:
    """Within it each forward pass appends the states of its last column, (rows, hidden size)."""
    kept: list[Tensor] = []

    def ask(module: Any, given: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return given, {**named, "output_hidden_states": True}

    def keep(module: Any, given: Any, output: Any) -> None:
        layers = output.hidden_states
        kept.append(layers[round(depth * (len(layers) - 1))][:, -1])

    base = getattr(model, model.base_model_prefix)  # without the head
    hooks = [
        base.register_forward_pre_hook(ask, with_kwargs=True),
        base.register_forward_hook(keep),
    ]
    try:
        yield kept
    finally:
        for hook in hooks:
            hook.remove()
