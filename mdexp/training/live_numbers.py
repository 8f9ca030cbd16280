"""Sends a training's numbers to Lightning's loggers while it runs: every step, its speed and
memory."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mdexp.ports import Feed
from mdexp.students.process_memory import peak_memory_mib


class LiveNumbers(Callback):
    """Logs each optimiser step, including those before the checkpoint from which training resumes.

    Speed and memory are only logged: a training's history must be the same wherever it ran.
    """

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self.feeds, self.before = feeds, 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        for row in pl_module.history:
            self._log(row)
        self.before = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, *_: object, **__: object
    ) -> None:
        row, now = pl_module.history[-1], time.monotonic()
        speed = {
            "tokens_per_s": row["tokens"] / max(now - self.before, 1e-9),
            "peak_memory_mib": peak_memory(pl_module.device),
        }
        self._log(row | speed)
        self.before = time.monotonic()

    def _log(self, row: Mapping[str, float]) -> None:
        for feed in self.feeds:
            feed.log_row(row)


def peak_memory(device: torch.device) -> float:
    """The peak memory in MiB: of the GPU if there is one, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_memory_mib()
