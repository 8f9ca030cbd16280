"""Training goes on, bit for bit, where a stopped process left it; on another number of ranks, but
for rounding and for what dropout draws.

A checkpoint holds what Lightning saves of optimiser, schedule and loops, the trained weights alone
(frozen ones are read again from where they came) and every rank's random numbers, as plain types.
There is no early stopping, hence no state of it.
"""

import hashlib
import json
import logging
import os
import pickle
import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from lightning_fabric.utilities.load import _METADATA_FILENAME
from pytorch_lightning.callbacks import Callback
from torch.distributed.checkpoint import FileSystemReader, TensorStorageMetadata, load

from mdexp.records import Example
from mdexp.students.frozen import PLAIN, Frozen
from mdexp.training.finite import judge_weights
from mdexp.training.planned import ExampleName

log = logging.getLogger(__name__)

KEPT = 2  # checkpoints, the newest
UNREADABLE = (
    *(OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError, AttributeError),
    pickle.UnpicklingError,
)


class Checkpoints(Callback):
    """Saves every `every` steps and keeps the newest; adds what Lightning leaves out.

    `identity` names the training that a checkpoint belongs to, `frozen` how it held its base.
    """

    def __init__(self, folder: Path, every: int, identity: str, frozen: Frozen = PLAIN) -> None:
        self.folder, self.every, self.identity, self.frozen = folder, every, identity, frozen
        self.restored: dict[str, Any] | None = None

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["identity"] = self.identity
        checkpoint["frozen"] = asdict(self.frozen)
        checkpoint["random"] = _of_every_rank(random_state())

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        states = checkpoint["random"]
        if len(states) != trainer.world_size:
            log.warning(
                "the checkpoint was written by %d ranks and %d go on: the same but for rounding, "
                "and for dropout where there is any",
                len(states),
                trainer.world_size,
            )
        if trainer.global_rank < len(states):  # another draws as in a training that begins
            self.restored = states[trainer.global_rank]

    def on_train_batch_start(self, *_: Any, **__: Any) -> None:
        # Not earlier: between loading and the first step Lightning draws random numbers itself.
        if self.restored is not None:
            set_random_state(self.restored)
            self.restored = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any, **__: Any
    ) -> None:
        if trainer.global_step % self.every:
            return
        judge_weights(trainer.global_step, pl_module.named_parameters())
        trainer.save_checkpoint(self.folder / f"step={trainer.global_step}.ckpt")
        if trainer.is_global_zero:
            for old in _newest_first(self.folder)[KEPT:]:
                shutil.rmtree(old) if old.is_dir() else old.unlink()


class DurableCheckpointIO(TorchCheckpointIO):
    """A file appears whole or not at all, also when the machine dies. Lightning's own goes through
    the temporary folder, which may be another file system, and never syncs."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)


def newest_checkpoint(folder: Path, identity: str) -> tuple[Path, int] | None:
    """The newest checkpoint of this training that can be read, and the steps it has done. One in
    shards is a folder, in which what is read here was written last."""
    for file in _newest_first(folder):
        try:
            state = _beside_shards(file) if file.is_dir() else saved_state(file)
        except UNREADABLE as error:
            log.warning("checkpoint %s passed over, it cannot be read: %s", file.name, error)
            continue
        if not isinstance(state, dict) or state.get("identity") != identity:
            log.warning("checkpoint %s passed over, it is of another training", file.name)
            continue
        return file, int(state["global_step"])
    return None


def saved_state(file: Path) -> Any:
    """What a checkpoint holds (of one in shards, all but the optimiser's); one of UNREADABLE."""
    if not file.is_dir():
        return torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    stored = FileSystemReader(file).read_metadata().state_dict_metadata
    weights = {
        name.removeprefix("state_dict."): torch.empty(of.size, dtype=of.properties.dtype)
        for name, of in stored.items()
        if name.startswith("state_dict.") and isinstance(of, TensorStorageMetadata)
    }
    load({"state_dict": weights}, checkpoint_id=file, no_dist=True)
    return _beside_shards(file) | {"state_dict": weights}


def _beside_shards(folder: Path) -> Any:
    return torch.load(folder / _METADATA_FILENAME, map_location="cpu", weights_only=True)


def training_identity(
    module: torch.nn.Module, steps: Sequence[Sequence[Example | ExampleName]]
) -> str:
    """Hash of which weights are trained, on which examples in which order. What else a
    training depends on is in the key of its folder."""
    weights = {n: list(p.shape) for n, p in module.named_parameters() if p.requires_grad}
    # Of the JSON text of both, written step by step.
    hashed = hashlib.sha256(f"[{json.dumps(weights)}, [".encode())
    for number, step in enumerate(steps):
        rows = json.dumps([(e.problem_id, e.thought, e.sample) for e in step])
        hashed.update(f", {rows}".encode() if number else rows.encode())
    hashed.update(b"], 1]")  # which once was the number of ranks
    return hashed.hexdigest()


def random_state() -> dict[str, Any]:
    """All generators that a student may draw from, as types that a safe load accepts."""
    legacy: Any = np.random.get_state(legacy=True)
    _, keys, place, has_gauss, gauss = legacy
    version, words, next_gauss = random.getstate()
    state = {
        "torch": torch.get_rng_state(),
        "python": [version, list(words), next_gauss],
        "numpy": [keys.tolist(), int(place), int(has_gauss), float(gauss)],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    version, words, next_gauss = state["python"]
    random.setstate((version, tuple(words), next_gauss))
    keys, *rest = state["numpy"]
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), *rest))
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])


def _of_every_rank(state: dict[str, Any]) -> list[dict[str, Any]]:
    """The states of all ranks by rank; every rank has to ask."""
    if not torch.distributed.is_initialized():
        return [state]
    states: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(states, state)
    return states


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step=*.ckpt"), key=_named_step, reverse=True)


def _named_step(file: Path) -> int:
    number = file.stem.removeprefix("step=")
    return int(number) if number.isdecimal() else -1
