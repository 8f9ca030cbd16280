"""Measures the bytes of a model and of its computation, also with fake tensors.

Under torch's fake tensors, which have shapes and no numbers, a step runs without weights or data
while a dispatch mode adds up the storages that are alive. What a kernel allocates within itself is
not seen.
"""

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten


class LiveBytes(TorchDispatchMode):
    """Adds up the storages that operators make and that are alive; `peak` is the most there were.

    `num_scored` is how many positions a boolean mask picks, which fake tensors cannot know.
    """

    def __init__(self, known: Sequence[torch.Tensor], num_scored: int = 0) -> None:
        super().__init__()
        self.num_scored = num_scored
        self.live = self.peak = 0
        self._seen = {_storage(tensor): 0 for tensor in known}
        self._kept = [tensor.untyped_storage() for tensor in known]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = self._masked(func, args)
        found = func(*args, **(kwargs or {})) if found is None else found
        for tensor in tree_leaves(found):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor)
        return found

    def _masked(self, func: Any, args: Any) -> Any:
        """What reads a fake tensor's numbers: their count in a mask, and what the mask picks."""
        if func is aten._local_scalar_dense.default and hasattr(args[0], "fake_mode"):
            return self.num_scored  # `weighted_loss` reads no other number
        if func not in (aten.index.Tensor, aten.index_put.default, aten._index_put_impl_.default):
            return None
        source, indices = args[0], args[1]
        masks = [i for i in indices if i is not None and i.dtype == torch.bool]
        if not masks or not hasattr(source, "fake_mode"):
            return None
        if func is aten.index.Tensor:
            return source.new_empty((self.num_scored, *source.shape[masks[0].ndim :]))
        return source if func is aten._index_put_impl_.default else source.clone()

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._seen:
            return
        size = storage.nbytes()
        self._seen[key] = size
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self.live -= size
        self._seen.pop(key, None)


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def held_bytes(model: torch.nn.Module) -> int:
    """Of parameters and buffers, each once, with what reads quantised ones back."""
    tensors = [*model.parameters(), *model.buffers()]
    for parameter in model.parameters():
        if (state := getattr(parameter, "quant_state", None)) is not None:
            tensors += [t for t in (state.absmax, state.code, state.offset) if t is not None]
            if state.nested:
                tensors += [state.state2.absmax, state.state2.code]
    return sum({_storage(t): t.untyped_storage().nbytes() for t in tensors}.values())
