"""Resumes a training exactly, bit for bit, where a process stopped; with another number of ranks,
up to rounding and dropout.

A checkpoint holds Lightning's state of optimiser, schedule and loops, the trained weights (frozen
ones are loaded again from their source) and every rank's random state, as plain types. There is no
early stopping, hence no state of it.
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
    """Saves a checkpoint every `every` steps and keeps the newest; adds what Lightning leaves out.

    `identity` names the training of a checkpoint, `frozen` how it keeps its base.
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
        if trainer.global_rank < len(states):  # further ranks draw as in a new training
            self.restored = states[trainer.global_rank]

    def on_train_batch_start(self, *_: Any, **__: Any) -> None:
        # Not earlier, since Lightning draws random numbers between loading and the first step.
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
    """Writes a file completely or not at all, even if the machine crashes. Lightning's own writer
    uses the temporary folder, which may be another file system, and never syncs."""

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
    """The newest readable checkpoint of this training, and its number of steps. A sharded one is a
    folder, in which the file that is read here was written last."""
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
    """The content of a checkpoint (of a sharded one, without the optimiser's); raises one of
    UNREADABLE."""
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
    """A hash of the trained weights' names and of the examples in their order. Everything else that
    a training depends on is in the key of its folder."""
    weights = {n: list(p.shape) for n, p in module.named_parameters() if p.requires_grad}
    # Of the JSON text of both, written step by step.
    hashed = hashlib.sha256(f"[{json.dumps(weights)}, [".encode())
    for number, step in enumerate(steps):
        rows = json.dumps([(e.problem_id, e.thought, e.sample) for e in step])
        hashed.update(f", {rows}".encode() if number else rows.encode())
    hashed.update(b"], 1]")  # formerly the number of ranks
    return hashed.hexdigest()


def random_state() -> dict[str, Any]:
    """The state of all random generators that a student may use, as types that a safe load
    accepts."""
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
    """The states of all ranks, by rank; every rank must call this."""
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
