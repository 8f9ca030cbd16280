"""Computes how much memory a decoding step takes, without weights or data."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoModelForCausalLM, DynamicCache

from mdexp.config.blocks import DecodingSettings
from mdexp.ports import StudentConfig
from mdexp.students.live_bytes import LiveBytes, held_bytes

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingMemory:
    """Bytes on the device that decodes; an upper bound: here rows share no prompt."""

    weights: int
    cache_and_activations: int

    @property
    def peak(self) -> int:
        return self.weights + self.cache_and_activations


def decoding_memory(
    student: StudentConfig,
    config: "PretrainedConfig",
    decoding: DecodingSettings,
    *,
    prompt_tokens: int,
    dtype: str,
) -> DecodingMemory | None:
    """Of `decoding.batch_size` rows with prompts of that length; None for a seq2seq student."""
    if student.kind != "causal":
        return None
    rows, whole = decoding.batch_size, prompt_tokens + decoding.max_new_tokens
    with FakeTensorMode(), torch.inference_mode(False), torch.no_grad():
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype)).eval()
        known = [*model.parameters(), *model.buffers()]
        with LiveBytes(known) as bytes_:
            cache = DynamicCache(config=config)
            ids = torch.zeros(rows, prompt_tokens, dtype=torch.long)
            found = model(input_ids=ids, past_key_values=cache, logits_to_keep=1)
            del found
            kept: list[Any] = list(cache.layers)
            layers = [(layer.keys.shape, layer.keys.dtype) for layer in kept]
            del kept
            del cache
            cache = DynamicCache(config=config)
            for number, (shape, kind) in enumerate(layers):
                full = torch.empty(*shape[:2], whole - 1, shape[3], dtype=kind)
                cache.update(full, full.clone(), number)
            model(input_ids=ids[:, :1], past_key_values=cache, logits_to_keep=1)
            peak = bytes_.peak
        return DecodingMemory(weights=held_bytes(model), cache_and_activations=peak)
