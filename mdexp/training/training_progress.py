"""The progress bar of a training: finished steps, with the last loss."""

import logging
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_only

from mdexp.ports.progress import ProgressBar
from mdexp.training.module import MixedDistillation

log = logging.getLogger(__name__)


class TrainingProgress(Callback):
    """Shows the finished steps, with the last loss."""

    @rank_zero_only
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        def loss() -> str:
            assert isinstance(pl_module, MixedDistillation), pl_module
            return f"loss {pl_module.history[-1]['loss']:.3f}" if pl_module.history else ""

        self.progress = ProgressBar(
            trainer.max_steps, "train", "steps", log, loss, trainer.global_step
        )

    @rank_zero_only
    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.progress.advance()

    @rank_zero_only
    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.progress.close()
