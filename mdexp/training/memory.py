"""Computes how much memory a training step takes, without weights or data.

One step runs with fake tensors. Sizes of weights, gradients and optimiser state are exact;
activations are measured by students/live_bytes.py.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
from transformers.modeling_layers import GradientCheckpointingLayer

from mdexp.config.blocks import TrainerSettings
from mdexp.ports import StudentConfig
from mdexp.records import Example
from mdexp.students.adapters import adapted
from mdexp.students.branch_attention import branch_attention
from mdexp.students.frozen import COMPUTED_IN, BaseDtype, frozen_base, quantised
from mdexp.students.likelihood import NO_TARGET, weighted_loss
from mdexp.students.live_bytes import LiveBytes, held_bytes
from mdexp.students.load import Kind
from mdexp.students.numerics import Precision
from mdexp.training.checkpointing import checkpoint_activations
from mdexp.training.fake_tensors import faked, put_on_fake_cpu, tensors_of
from mdexp.training.layout import lay_out
from mdexp.training.micro_batch import MicroBatch

if TYPE_CHECKING:
    from transformers import PretrainedConfig

STEP_BYTES = 4  # AdamW counts the steps of each tensor
ADAMW_MOMENTS = 2
UNSHARDED_BLOCKS = 2  # FSDP gathers the next block while one computes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingMemory:
    """Bytes on each device during training."""

    weights: int  # including frozen ones, in their own type
    gradients: int
    optimizer: int
    activations: int  # and everything else that a micro-batch needs at its peak
    communication: int = 0  # DDP's buckets, or layers that FSDP has gathered
    largest_block: int = 0  # weights of the largest layer

    @property
    def peak(self) -> int:
        held = self.weights + self.gradients + self.optimizer
        return held + self.activations + self.communication


def training_memory(
    student: StudentConfig,
    config: "PretrainedConfig",
    trainer: TrainerSettings,
    *,
    precision: Precision,
    base_dtype: BaseDtype,
    ranks: int = 1,
    roles: Sequence[str] = (),
) -> TrainingMemory:
    """The memory of the largest micro-batch that the trainer's settings allow, on each of `ranks`
    devices. Each of `roles` has an adapter."""
    batch = largest_micro_batch(student, trainer)
    scored = num_scored(batch)
    plain = _shapes_of(student, config, trainer, precision, base_dtype, roles)
    with FakeTensorMode() as fake:
        put_on_fake_cpu(plain)
        transient = micro_batch_peak(plain, student.kind, faked(batch, fake), scored, precision)
    trained = [p for p in plain.parameters() if p.requires_grad]
    gradients = sum(p.nbytes for p in trained)
    memory = TrainingMemory(
        weights=held_bytes(plain),
        gradients=gradients,
        optimizer=ADAMW_MOMENTS * gradients + STEP_BYTES * len(trained),
        activations=transient - gradients,
        largest_block=max(_layer_bytes(plain), default=0),
    )
    return shared_out(memory, trainer.strategy, ranks)


def _layer_bytes(model: torch.nn.Module) -> list[int]:
    """The bytes of each layer's weights, which FSDP gathers one by one."""
    return [held_bytes(m) for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]


def micro_batch_peak(
    model: Any,
    kind: Kind,
    batch: MicroBatch,
    scored: int,
    precision: Precision,
    begin: Callable[[], object] = lambda: None,
) -> int:
    """The peak bytes of a micro-batch's forward and backward pass beside weights and optimiser,
    including gradients of earlier micro-batches. `scored` is the number of its targets; `begin` is
    called when the gradients exist."""
    known = [*model.parameters(), *model.buffers(), *tensors_of(batch)]
    computed = getattr(torch, COMPUTED_IN[precision])
    # Also for rows: for fake tensors transformers makes a mask that it omits for real ones.
    attention = branch_attention(model) if kind == "causal" else nullcontext()
    with attention, LiveBytes(known, scored) as alive:
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.empty_like(parameter).zero_()  # each page is touched
        begin()
        with torch.autocast("cpu", computed, enabled=precision != "32-true"):
            loss, nll = weighted_loss(model, kind, **batch.reading())
        loss.backward()
        del loss, nll
    return alive.peak


def num_scored(batch: MicroBatch) -> int:
    return int((batch.labels != NO_TARGET).sum())


def _shapes_of(
    student: StudentConfig,
    config: "PretrainedConfig",
    trainer: TrainerSettings,
    precision: Precision,
    base_dtype: BaseDtype,
    roles: Sequence[str],
) -> Any:
    """The student as it trains, on the device `meta`."""
    auto = AutoModelForCausalLM if student.kind == "causal" else AutoModelForSeq2SeqLM
    with torch.device("meta"):
        model = auto.from_config(config)
    if student.tuning == "qlora":
        quantised(torch.zeros(1, 64))  # bitsandbytes makes its code book once, on the first device
    frozen = frozen_base(student, base_dtype)
    compute = COMPUTED_IN[precision]
    tuned = adapted(model, student, frozen=frozen, compute=compute, roles=roles)
    plain = tuned if student.tuning == "full" else tuned.get_base_model()
    if trainer.activation_checkpointing:
        checkpoint_activations(plain)
    return plain.train()


def largest_micro_batch(student: StudentConfig, trainer: TrainerSettings) -> MicroBatch:
    """The fullest possible micro-batch, of sequences of the greatest length, half of each a
    prompt."""
    half = max(2, trainer.max_tokens // 2)
    number = max(1, trainer.micro_batch_tokens // (2 * half))
    examples = [
        Example(
            problem_id=str(i),
            thought="cot",
            sample=0,
            prompt_ids=[1] * half,
            target_ids=[1] * half,
            target="",
        )
        for i in range(number)
    ]
    batches = lay_out(
        examples,
        None,
        kind=student.kind,
        layout=trainer.layout,
        weigh=lambda step, shares: [1.0] * len(step),
        micro_batch_tokens=trainer.micro_batch_tokens,
        pad_id=0,
    )
    return max(batches, key=lambda batch: batch.padded_tokens)


def shared_out(memory: TrainingMemory, strategy: str, ranks: int) -> TrainingMemory:
    """The share of each of `ranks` devices."""
    if ranks == 1:
        return memory
    if strategy != "fsdp":
        return replace(memory, communication=memory.gradients)  # the buckets that DDP reduces
    return replace(
        memory,
        weights=-(-memory.weights // ranks),
        gradients=-(-memory.gradients // ranks),
        optimizer=-(-memory.optimizer // ranks),
        communication=UNSHARDED_BLOCKS * memory.largest_block,
    )
