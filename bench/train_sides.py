"""The sides of bench/train.py: each trains on given steps and tells how long it took."""

import resource
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import yaml
from pytorch_lightning.callbacks import Callback
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from mdexp.config.blocks import TrainerSettings
from mdexp.records import Example
from mdexp.training.fit import Steps
from mdexp.training.layout import lay_out
from mdexp.training.layout_check import exchanged_attention
from mdexp.training.module import MixedDistillation
from mdexp.training.objective import example_weights

NO_CHANGE = 1e-30  # a learning rate, so that every turn has the same losses
Steps_ = Sequence[Sequence[Example]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Seconds, loss (nats a target token) and the process's peak memory (GiB) of each optimiser
    step, and what was computed."""

    seconds: list[float]
    losses: list[float]
    peaks: list[float]
    tokens: int
    padded_tokens: int


Clock = Callable[[], float]
Side = Callable[[Steps_], Turn]
CONF = Path(__file__).parents[1] / "conf" / "trainer" / "auto.yaml"


class StepTimes(Callback):
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.seconds: list[float] = []
        self.peaks: list[float] = []

    def on_train_batch_start(self, *_: Any) -> None:
        self.started = self.clock()

    def on_train_batch_end(self, *_: Any) -> None:
        self.seconds.append(self.clock() - self.started)
        self.peaks.append(peak_memory())


def peak_memory() -> float:
    """GiB that were ever resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def ours(
    model: PreTrainedModel,
    pad_id: int,
    layout: str,
    micro_batch_tokens: int,
    clock: Clock,
    accelerator: str = "cpu",
) -> Side:
    """Our own training in a layout."""
    options = TrainerSettings(**yaml.safe_load(CONF.read_text()) | {"learning_rate": NO_CHANGE})

    def turn(steps: Steps_) -> Turn:
        laid_out: dict[str, Any] = {
            "shares": None,
            "kind": "causal",
            "layout": layout,
            "weigh": partial(example_weights, normalize="token"),
            "micro_batch_tokens": micro_batch_tokens,
            "pad_id": pad_id,
        }
        module = MixedDistillation(model.train(), "causal", options, len(steps))
        times = StepTimes(clock)
        with exchanged_attention(model, laid_out), tempfile.TemporaryDirectory() as folder:
            lightning = pl.Trainer(
                accelerator=accelerator,
                precision="bf16-mixed",
                max_steps=len(steps),
                logger=False,
                callbacks=[times],
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                default_root_dir=folder,
            )
            lightning.fit(
                module, DataLoader(Steps(steps, partial(lay_out, **laid_out)), batch_size=None)
            )
        return Turn(
            seconds=times.seconds,
            losses=[row["loss"] for row in module.history],
            peaks=times.peaks,
            tokens=sum(int(row["tokens"]) for row in module.history),
            padded_tokens=sum(int(row["padded_tokens"]) for row in module.history),
        )

    return turn


def trl(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    packing: bool,
    size: int,
    clock: Clock,
    accelerator: str = "cpu",
) -> Side:
    """TRL's SFTTrainer: with padding `size` sequences at a time, sorted by length within a step;
    with packing as many rows of `size` tokens as the step needs, one at a time."""

    def turn(steps: Steps_) -> Turn:
        turns = [
            _trl_step(model, tokenizer, step, packing, size, clock, accelerator) for step in steps
        ]
        return Turn(
            seconds=[seconds for seconds, _, _ in turns],
            losses=[loss for _, loss, _ in turns],
            peaks=[peak_memory()],
            tokens=sum(len(e.prompt_ids) + len(e.target_ids) for step in steps for e in step),
            padded_tokens=sum(padded for _, _, padded in turns),
        )

    return turn


def _trl_step(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    step: Sequence[Example],
    packing: bool,
    size: int,
    clock: Clock,
    accelerator: str,
) -> tuple[float, float, int]:
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Timed(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.started = clock()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.seconds = clock() - self.started

    rows = sorted(step, key=lambda e: len(e.prompt_ids) + len(e.target_ids))
    dataset = Dataset.from_list(
        [
            {
                "input_ids": e.prompt_ids + e.target_ids,
                "completion_mask": [0] * len(e.prompt_ids) + [1] * len(e.target_ids),
            }
            for e in rows
        ]
    )
    timed = Timed()
    own = set(vars(model))
    with tempfile.TemporaryDirectory() as folder:
        config: dict[str, Any] = {
            "output_dir": folder,
            "use_cpu": accelerator == "cpu",
            "bf16": True,
            "max_steps": 1,
            "learning_rate": NO_CHANGE,
            "lr_scheduler_type": "constant",
            "optim": "adamw_torch_fused",
            "max_grad_norm": 1.0,
            "gradient_checkpointing": False,
            "completion_only_loss": True,
            "logging_steps": 1,
            "report_to": [],
            "save_strategy": "no",
            "disable_tqdm": True,
            "dataloader_pin_memory": False,
            "train_sampling_strategy": "sequential",
            "max_length": size if packing else 512,
            "packing": packing,
        }
        batch = 1 if packing else size
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(**config, per_device_train_batch_size=batch),
            train_dataset=dataset,
            processing_class=tokenizer,
            callbacks=[timed],
        )
        batches = list(trainer.get_train_dataloader())
        trainer.args.gradient_accumulation_steps = len(batches)
        trainer.train()
    for name in set(vars(model)) - own:  # its forward is wrapped anew by each trainer
        delattr(model, name)
    loss = next(row["loss"] for row in trainer.state.log_history if "loss" in row)
    return timed.seconds, loss, sum(batch["input_ids"].numel() for batch in batches)
