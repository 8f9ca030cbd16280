"""Lightning begins here: device, precision, optimiser and logging. The maths is in objective.py."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pytorch_lightning as pl
import torch
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from mdexp.settings import TrainerSettings
from mdexp.students.likelihood import target_nll
from mdexp.students.load import Kind
from mdexp.training.batches import NO_TARGET, MicroBatch
from mdexp.training.schedule import learning_rate_factor

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class MixedDistillation(pl.LightningModule):
    """Train a student on steps, each a list of micro-batches whose token weights sum to 1.

    Optimisation is manual: Lightning's own accumulation averages the means of micro-batches, which
    is another objective as soon as they differ in size.
    """

    def __init__(
        self, student: "PreTrainedModel", kind: Kind, trainer: TrainerSettings, num_steps: int
    ) -> None:
        super().__init__()
        self.student, self.kind, self.options, self.num_steps = student, kind, trainer, num_steps
        self.automatic_optimization = False
        self.history: list[dict[str, float]] = []

    def training_step(self, batch: Sequence[MicroBatch], batch_idx: int) -> None:
        optimizer = cast(Optimizer, self.optimizers())
        schedule = cast(LRScheduler, self.lr_schedulers())
        optimizer.zero_grad()
        sums: dict[str, list[float]] = {}
        share = sum(self._backward(micro, sums) for micro in self._share_of_rank(batch))
        loss = float(self.trainer.strategy.reduce(torch.tensor(share), reduce_op="sum"))
        self._clip(optimizer)
        row = {
            "step": self.global_step,
            "loss": loss,
            "learning_rate": optimizer.param_groups[0]["lr"],
        }
        optimizer.step()
        schedule.step()
        for thought, (nll, tokens) in sorted(sums.items()):
            row |= {f"nll_{thought}": nll / tokens, f"tokens_{thought}": tokens}
        self.history.append(row)
        self.log("loss", loss, prog_bar=True)

    def _share_of_rank(self, batch: Sequence[MicroBatch]) -> Sequence[MicroBatch]:
        """This rank's micro-batches: as many as any other's, or the ranks would wait for ever."""
        world = self.trainer.world_size
        filler = [batch[0].unscored()] * (-len(batch) % world)
        return [*batch, *filler][self.trainer.global_rank :: world]

    def _backward(self, micro: MicroBatch, sums: dict[str, list[float]]) -> float:
        """Add a micro-batch's gradient; return its share of the loss, add to the thoughts' NLLs."""
        scored = micro.labels != NO_TARGET
        nll = target_nll(
            self.student, self.kind, micro.input_ids, micro.attention_mask, micro.labels, scored
        )
        loss = (nll * micro.weights[scored]).sum()
        # Data parallelism averages over ranks; the objective is a sum over the step.
        self.manual_backward(loss * self.trainer.world_size)
        row_of = scored.nonzero()[:, 0].tolist()
        for row, value in zip(row_of, nll.detach().tolist(), strict=True):
            total = sums.setdefault(micro.thoughts[row], [0.0, 0])
            total[0] += value
            total[1] += 1
        return float(loss.detach())

    def _clip(self, optimizer: Any) -> None:
        """Lightning clips no gradient of a fused optimiser, for the sake of float16's scaling: the
        one precision that gets no fused optimiser here."""
        if self.trainer.precision == "16-mixed":
            self.clip_gradients(optimizer, self.options.clip_norm, "norm")
        elif isinstance(self.trainer.model, FullyShardedDataParallel):
            self.trainer.model.clip_grad_norm_(self.options.clip_norm)
        else:
            clip_grad_norm_(self.student.parameters(), self.options.clip_norm)

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        return [micro.to(device) for micro in batch]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history = checkpoint["history"]

    def configure_optimizers(self) -> Any:
        optimizer = adamw(self.student, self.options, fused=self.trainer.precision != "16-mixed")
        factor = learning_rate_factor(self.options, self.num_steps)
        return {"optimizer": optimizer, "lr_scheduler": LambdaLR(optimizer, factor)}


def adamw(student: torch.nn.Module, options: TrainerSettings, *, fused: bool) -> Optimizer:
    """AdamW; vectors (norms, biases) are not decayed."""
    parameters = [p for p in student.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return AdamW(groups, lr=options.learning_rate, fused=fused)
