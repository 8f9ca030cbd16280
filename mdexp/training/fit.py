"""Fit a student to its examples through Lightning, and keep the weights in a folder."""

import logging
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from torch.utils.data import DataLoader

from mdexp.records import Example
from mdexp.settings import ObjectiveSettings, TrainerSettings
from mdexp.students.load import Loaded
from mdexp.students.numerics import Precision
from mdexp.training.batches import MicroBatch, lay_out, plan_steps, trainable
from mdexp.training.module import MixedDistillation

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)
logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)


class Steps(torch.utils.data.Dataset[list[MicroBatch]]):
    """The optimiser steps of a run, laid out when they are asked for."""

    def __init__(self, steps: Sequence[Sequence[Example]], layout: Mapping[str, Any]) -> None:
        self.steps, self.layout = steps, layout

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> list[MicroBatch]:
        return lay_out(self.steps[index], **self.layout)


def fit(
    loaded: Loaded,
    examples: Sequence[Example],
    *,
    student: Any,
    shares: Mapping[str, float] | None,
    objective: ObjectiveSettings,
    trainer: TrainerSettings,
    seed: int,
    precision: Precision,
    folder: Path,
) -> tuple["PreTrainedModel", list[dict[str, float]], dict[str, int]]:
    """Train; returns the tuned model, one history row a step, and what was trained on."""
    model, tokenizer = loaded
    pl.seed_everything(seed, verbose=False)  # before adapters, which begin at random
    model = adapted(model, student)
    problems = trainable(examples, shares, objective.pairing)
    steps = plan_steps(
        problems,
        shares,
        step_problems=trainer.step_problems,
        epochs=trainer.epochs,
        max_steps=trainer.max_steps,
        seed=seed,
    )
    layout = {
        "shares": shares,
        "kind": student.kind,
        "normalize": objective.normalize,
        "micro_batch_tokens": trainer.micro_batch_tokens,
        "pad_id": tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
    }
    # Adapters are injected into the base model; its forward is the same with and without them.
    plain = model if student.tuning == "full" else model.get_base_model()
    module = MixedDistillation(plain, student.kind, trainer, len(steps))
    resumed = latest_checkpoint(folder)
    done = checkpoint_step(resumed) if resumed else 0
    lightning = pl.Trainer(
        accelerator=trainer.accelerator,
        devices=trainer.devices,
        strategy=trainer.strategy,
        precision=precision,
        max_steps=len(steps),
        max_epochs=-1,
        logger=False,
        callbacks=list(_callbacks(trainer, folder)),
        enable_checkpointing=trainer.checkpoint_steps > 0,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        use_distributed_sampler=False,  # a rank takes its share of each step's micro-batches
        default_root_dir=folder,
    )
    # A step is a batch as it stands. On a resume Lightning takes as many as are left, from the top.
    left_first = Steps([*steps[done:], *steps[:done]], layout)
    loader = DataLoader(left_first, batch_size=None, shuffle=False)
    model.train()
    lightning.fit(module, loader, ckpt_path=resumed)
    scored = {
        "problems": len(problems),
        "steps": len(steps),
        "examples": sum(len(rows) for rows in problems.values()),
        "target_tokens": sum(len(e.target_ids) for step in steps for e in step),
    }
    return model.eval(), module.history, scored


def adapted(model: "PreTrainedModel", student: Any) -> Any:
    """The model as `student.tuning` says: itself, or with low-rank adapters (arXiv 2106.09685)."""
    if student.tuning == "full":
        return model
    from peft import LoraConfig, get_peft_model

    targets = student.lora_targets
    return get_peft_model(
        model,
        LoraConfig(
            r=student.lora_rank,
            lora_alpha=student.lora_alpha,
            lora_dropout=student.lora_dropout,
            target_modules=targets if isinstance(targets, str) else list(targets),
        ),
    )


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that an interrupted training left in its folder."""
    found = sorted((folder / "checkpoints").glob("*.ckpt"), key=checkpoint_step)
    return found[-1] if found else None


def checkpoint_step(file: Path) -> int:
    return int(file.stem.split("=")[-1])


def _callbacks(trainer: TrainerSettings, folder: Path) -> list[Callback]:
    callbacks: list[Callback] = [ProgressLog()]
    if sys.stderr.isatty():
        callbacks = [TQDMProgressBar()]
    if trainer.checkpoint_steps:
        callbacks.append(
            ModelCheckpoint(
                dirpath=folder / "checkpoints",
                filename="{step}",
                every_n_train_steps=trainer.checkpoint_steps,
                save_on_train_epoch_end=False,
            )
        )
    return callbacks


class ProgressLog(Callback):
    """Ten lines over a training, where no terminal shows a progress bar."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any, **__: Any
    ) -> None:
        total = trainer.max_steps
        if trainer.global_step % math.ceil(total / 10) == 0 or trainer.global_step == total:
            assert isinstance(pl_module, MixedDistillation), pl_module
            loss = pl_module.history[-1]["loss"]
            log.info("step %d of %d, loss %.3f", trainer.global_step, total, loss)
