"""How the frozen weights of a student with adapters are held while it trains.

In float32, in bfloat16, or in 4 bits: QLoRA (arXiv 2305.14314) holds the linear layers as 4-bit
NormalFloat in blocks of 64, whose scales are quantised again (bitsandbytes). Vectors (norms,
biases) stay in float32, and so does what an embedding gives, which begins the residual stream:
under bfloat16 autocast a base in bfloat16 then computes the same numbers as one in float32.
"""

import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mdexp.store.files import read_json, write_json

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel

    from mdexp.ports import StudentConfig

BaseDtype = Literal["float32", "bfloat16"]  # as held; `auto` of a configuration is settled
RECORD = "frozen.json"  # beside the adapters, where their base was not held in float32
# It warns whenever it is imported, also by peft, that an optional CPU kernel is not installed.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)

COMPUTED_IN = {"32-true": "float32", "bf16-mixed": "bfloat16", "16-mixed": "float16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The type of frozen matrices, and whether linear layers are held in nf4 instead."""

    dtype: BaseDtype = "float32"
    nf4: bool = False

    @property
    def is_plain(self) -> bool:
        return self == PLAIN

    def hold(self, model: "PreTrainedModel", compute: str = "float32") -> None:
        """Convert the weights of a model in place; those in nf4 compute in the type `compute`."""
        import torch

        if self.nf4:
            for owner, name, layer in _quantised_layers(model):
                setattr(owner, name, _linear4bit(layer, getattr(torch, compute)))
            setattr(model, "is_loaded_in_4bit", True)  # noqa: B010  # peft asks for it
        if self.nf4 or self.dtype != "float32":
            _convert_matrices(model, getattr(torch, self.dtype))

    def round(self, model: "PreTrainedModel", dtype: str = "float32") -> None:
        """Give each matrix the value that training computed with, in the type `dtype`."""
        import torch

        held = getattr(torch, dtype)

        if self.nf4:
            from bitsandbytes.functional import dequantize_4bit

            for _, _, layer in _quantised_layers(model):
                layer.weight.data = dequantize_4bit(*quantised(layer.weight.data)).to(held)
        if self.dtype != "float32":
            for parameter in _matrices(model):
                parameter.data = parameter.data.to(getattr(torch, self.dtype)).to(held)

    def record(self, folder: Path) -> None:
        """Say it beside the adapters that were trained so; nothing if the base is plain."""
        if not self.is_plain:
            write_json(folder / RECORD, self)

    @classmethod
    def recorded(cls, folder: Path) -> "Frozen":
        """How the base of a folder's adapters was held."""
        file = folder / RECORD
        return cls(**read_json(file)) if file.is_file() else cls()


PLAIN = Frozen()


def frozen_base(student: "StudentConfig", dtype: BaseDtype) -> Frozen:
    """How training holds a student's base; `dtype` is that of numerics.py."""
    return Frozen(dtype=dtype, nf4=student.tuning == "qlora")


def judge_quantisation(model: "nn.Module") -> None:
    """ValueError if `student.tuning=qlora` cannot be had here, or for this model."""
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ValueError(
            'student.tuning=qlora needs bitsandbytes: pip install "mdexp[qlora]", '
            "or use student.tuning=lora with student.base_dtype=bfloat16"
        )
    if not any(True for _ in _quantised_layers(model)):
        raise ValueError(
            f"student.tuning=qlora: {type(model).__name__} has no torch.nn.Linear to quantise; "
            "use student.tuning=lora"
        )


def quantised(weight: "torch.Tensor") -> tuple["torch.Tensor", Any]:
    """A matrix in nf4, from its values in float32, and bitsandbytes' state that reads it back."""
    from bitsandbytes.functional import quantize_4bit

    return quantize_4bit(
        weight.float().contiguous(), blocksize=64, compress_statistics=True, quant_type="nf4"
    )


def _linear4bit(layer: "nn.Linear", compute: "torch.dtype") -> "nn.Module":
    import torch

    data, state = quantised(layer.weight.data)
    from bitsandbytes.nn import Linear4bit, Params4bit

    state.dtype = compute
    with torch.device("meta"):
        held: Any = Linear4bit(
            layer.in_features, layer.out_features, bias=False, compute_dtype=compute
        )
    held.bias = layer.bias
    held.weight = Params4bit(
        data, quant_state=state, quant_type="nf4", module=held, bnb_quantized=True
    )
    held.quant_state = state
    # In evaluation it would repack the weights for a kernel that rounds otherwise.
    held.support_avx512bf16_for_cpu = False
    # As autocast casts what a linear layer reads; the layer gives back the type that it was given.
    held.register_forward_pre_hook(lambda _, read: (read[0].to(compute), *read[1:]))
    return held


def _quantised_layers(model: "nn.Module") -> list[tuple["nn.Module", str, Any]]:
    """(owner, name, layer) of the linear layers but the head and those that the family wants in
    float32, as transformers quantises."""
    import torch

    kept = {*(getattr(model, "_keep_in_fp32_modules", None) or ())}
    head = getattr(model, "get_output_embeddings", lambda: None)()
    return [
        (owner, name, layer)
        for owner in model.modules()
        for name, layer in owner.named_children()
        if type(layer) is torch.nn.Linear and layer is not head and name not in kept
    ]


def _convert_matrices(model: "PreTrainedModel", dtype: "torch.dtype") -> None:
    import torch

    for parameter in model.parameters():
        if parameter.ndim < 2:
            parameter.data = parameter.data.float()
    for parameter in _matrices(model):
        parameter.data = parameter.data.to(dtype)
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            module.register_forward_hook(lambda _module, _read, given: given.float())


def _matrices(model: "nn.Module") -> Sequence["nn.Parameter"]:
    """Parameters of two dimensions or more that are not quantised, each once."""
    return [p for p in model.parameters() if p.ndim >= 2 and not hasattr(p, "quant_state")]
