"""The Lightning module: device, precision, optimiser and logging. The maths is in objective.py."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import pytorch_lightning as pl
import torch
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from mdexp.config.blocks import TrainerSettings
from mdexp.students.likelihood import NO_TARGET
from mdexp.students.load import Kind
from mdexp.students.roles import activate
from mdexp.training.finite import judge_step, judge_validation
from mdexp.training.micro_batch import UNCOUNTED, MicroBatch
from mdexp.training.schedule import learning_rate_factor
from mdexp.training.sharding import loss_of, shard, whole

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class MixedDistillation(pl.LightningModule):
    """Train a student on steps, each a list of micro-batches with a weight for every token.

    Optimisation is manual, because Lightning's own accumulation averages the means of
    micro-batches, which is a different objective if they differ in size.
    """

    def __init__(
        self,
        student: "PreTrainedModel",
        kind: Kind,
        trainer: TrainerSettings,
        num_steps: int,
        held_out: Callable[[], Sequence[MicroBatch]] = tuple,
        adapters: Mapping[str, Sequence[torch.nn.Parameter]] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.held_out, self.adapters = held_out, adapters
        self.student, self.kind, self.options, self.num_steps = student, kind, trainer, num_steps
        self.automatic_optimization = False
        self.strict_loading = False  # a checkpoint has no frozen weights
        self.history: list[dict[str, float]] = []

    def configure_model(self) -> None:
        if self.options.strategy == "fsdp" and self.device_mesh is not None:
            shard(self.student, self.device_mesh["data_parallel"])

    def training_step(self, batch: Sequence[MicroBatch], batch_idx: int) -> None:
        optimizer = cast(Optimizer, self.optimizers())
        schedule = cast(LRScheduler, self.lr_schedulers())
        optimizer.zero_grad()
        own = self._share_of_rank(batch)
        sums = self._summed_over_ranks(sum(self._backward(micro) for micro in own))
        norm = self._clip()
        row = {
            "step": self.global_step,
            "learning_rate": optimizer.param_groups[0]["lr"],
            **_history(sums, batch[0].names),
        }
        judge_step(row, norm, self._loss_scale(), self.named_parameters())
        optimizer.step()
        schedule.step()
        if self._validates_after(row["step"]):
            found = self._validation()
            judge_validation(row["step"], found)
            row |= found
        self.history.append(row)
        self.log("loss", row["loss"], prog_bar=True, logger=False)

    def _validates_after(self, step: int) -> bool:
        every = self.options.validate_every
        return every is not None and ((step + 1) % every == 0 or step + 1 == self.num_steps)

    @torch.no_grad()
    def _validation(self) -> dict[str, float]:
        """NLL of each thought's held-out targets (nats per token), without dropout."""
        batch = [micro.to(self.device) for micro in self.held_out()]
        self.student.eval()
        try:
            parts = [(micro, self._loss(micro)) for micro in self._share_of_rank(batch)]
        finally:
            self.student.train()
        sums = sum(_sums(micro, nll, loss) for micro, (loss, nll) in parts)
        found = _history(self._summed_over_ranks(sums), batch[0].names)
        return {f"validation_{k}": value for k, value in found.items() if k.startswith("nll_")}

    def _summed_over_ranks(self, sums: Any) -> torch.Tensor:
        if self.trainer.world_size > 1:
            sums = self.trainer.strategy.reduce(sums.to(self.device), reduce_op="sum")
        return sums.cpu()

    def _share_of_rank(self, batch: Sequence[MicroBatch]) -> Sequence[MicroBatch]:
        """This rank's micro-batches; every rank gets equally many, or ranks would wait for ever."""
        world = self.trainer.world_size
        filler = [batch[0].unscored()] * (-len(batch) % world)
        return [*batch, *filler][self.trainer.global_rank :: world]

    def _loss(self, micro: MicroBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of a micro-batch, with the adapter of its role if each role has one."""
        if self.adapters:
            activate(self.student, micro.role)
        return loss_of(self.student, self.kind, **micro.reading())

    def _backward(self, micro: MicroBatch) -> torch.Tensor:
        """Add a micro-batch's gradient; return its sums in the order of `_history`."""
        loss, nll = self._loss(micro)
        # Data parallelism averages over ranks; the objective is a sum over the step.
        self.manual_backward(loss * self.trainer.world_size)
        return _sums(micro, nll, loss.detach())

    def _clip(self) -> float:
        """Clip the gradients to `clip_norm`, each role's adapter separately; return their norm
        before. In float16 gradients are scaled until the optimiser steps, so the limit is scaled,
        too; Lightning's own clipping in manual optimisation would compare scaled gradients with the
        unscaled limit."""
        scale = self._loss_scale()
        limit = self.options.clip_norm * scale
        models = self.adapters.values() or [list(self.student.parameters())]
        return math.hypot(*(_clip(parameters, limit) for parameters in models)) / scale

    def _loss_scale(self) -> float:
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        return float(scaler.get_scale()) if scaler else 1.0

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        return [micro.to(device) for micro in batch]

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Only the trained weights: frozen ones are loaded again from their source."""
        trained = {name for name, p in self.named_parameters() if p.requires_grad}
        every = super().state_dict(*args, **kwargs)
        return {name: weights for name, weights in every.items() if name in trained}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history = checkpoint["history"]

    def configure_optimizers(self) -> Any:
        optimizer = adamw(self.student, self.options, fused=self.trainer.precision != "16-mixed")
        factor = learning_rate_factor(self.options, self.num_steps)
        return {"optimizer": optimizer, "lr_scheduler": LambdaLR(optimizer, factor)}


def _clip(parameters: Sequence[torch.nn.Parameter], limit: float) -> float:
    """Clip the gradients of one model; return their norm before."""
    trained = [p for p in parameters if p.grad is not None]
    norm = whole(get_total_norm([p.grad for p in trained if p.grad is not None]))
    if torch.isfinite(norm):  # else the NaN would spread to all gradients
        clip_grads_with_norm_(trained, limit, norm)
    return float(norm)


def _sums(micro: MicroBatch, nll: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
    """The sums of a micro-batch in float64: share of the loss, tokens, padded tokens; then, for
    each thought of the step, the NLL, number and weight of its targets."""
    scored = micro.labels != NO_TARGET
    weights, thoughts = micro.weights[scored].cpu().double(), micro.thoughts[scored].cpu()
    of_token = torch.stack([nll.cpu().double(), torch.ones_like(weights), weights], dim=1)
    counted = thoughts != UNCOUNTED
    of_thought = torch.zeros(len(micro.names), 3, dtype=torch.float64)
    of_thought.index_add_(0, thoughts[counted], of_token[counted])
    work = torch.tensor([float(loss), micro.tokens, micro.padded_tokens], dtype=torch.float64)
    return torch.cat([work, of_thought.flatten()])


def _history(sums: torch.Tensor, names: Sequence[str]) -> dict[str, float]:
    """A step's history row: each thought's mean NLL (nats) and total weight."""
    loss, tokens, padded, *rest = sums.tolist()
    row = {"loss": loss, "tokens": int(tokens), "padded_tokens": int(padded)}
    for name, nll, number, weight in zip(names, rest[::3], rest[1::3], rest[2::3], strict=True):
        row |= {
            f"nll_{name}": nll / number,
            f"tokens_{name}": int(number),
            f"weight_{name}": weight,
        }
    return row


def adamw(student: torch.nn.Module, options: TrainerSettings, *, fused: bool) -> Optimizer:
    """AdamW without weight decay for vectors (norms, biases)."""
    parameters = [p for p in student.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return AdamW(groups, lr=options.learning_rate, fused=fused)
