"""Makes fake tensors of a model and a batch: they have shapes but no numbers, and claim to be on a
CPU."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode


def tensors_of(value: Any) -> list[torch.Tensor]:
    """All tensors within a dataclass."""
    if isinstance(value, torch.Tensor):
        return [value]
    inner = value if isinstance(value, tuple) else ()
    if is_dataclass(value):
        inner = tuple(getattr(value, field.name) for field in fields(value))
    return [tensor for one in inner for tensor in tensors_of(one)]


def faked(value: Any, fake: FakeTensorMode) -> Any:
    """A dataclass with fake tensors for its tensors."""
    if isinstance(value, torch.Tensor):
        return fake.from_tensor(value)
    if isinstance(value, tuple):
        return tuple(faked(one, fake) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        inner = {f.name: faked(getattr(value, f.name), fake) for f in fields(value)}
        return replace(value, **inner)
    return value


def put_on_fake_cpu(model: torch.nn.Module) -> None:
    """Give a model on the device `meta` fake tensors that claim to be on a CPU."""
    memo: dict[int, torch.Tensor] = {}

    def here(tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in memo:
            memo[id(tensor)] = torch.empty(tensor.shape, dtype=tensor.dtype)
        return memo[id(tensor)]

    made: dict[int, torch.nn.Parameter] = {}
    for module in model.modules():
        for name, old in module._parameters.items():
            if old is not None:
                if id(old) not in made:
                    made[id(old)] = torch.nn.Parameter(here(old), old.requires_grad)
                    _move_state(old, made[id(old)], here)
                module._parameters[name] = made[id(old)]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = here(buffer)


def _move_state(old: Any, new: Any, here: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Move the quantisation state of an nf4 parameter."""
    if (state := getattr(old, "quant_state", None)) is None:
        return
    for part in (state, state.state2) if state.nested else (state,):
        for name in ("absmax", "code", "offset"):
            if isinstance(getattr(part, name, None), torch.Tensor):
                setattr(part, name, here(getattr(part, name)))
    new.quant_state, new.bnb_quantized = state, True
