"""Trains a student in shards: each rank keeps a part of every weight, gradient and moment (FSDP2).

torch's `fully_shard` gathers a layer's weights while it computes and frees them afterwards;
Lightning's ModelParallelStrategy saves and loads the shards (torch.distributed.checkpoint).
"""

from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning.strategies import ModelParallelStrategy, Strategy
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor
from transformers.modeling_layers import GradientCheckpointingLayer

from mdexp.students.likelihood import weighted_loss

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LOSS = "weighted_loss"


def sharding_strategy(ranks: int) -> Strategy:
    """Lightning's strategy for a student with one shard per rank."""
    return ModelParallelStrategy(data_parallel_size=ranks, tensor_parallel_size=1)


def shard(student: "PreTrainedModel", mesh: DeviceMesh) -> None:
    """Shard the weights in place: each layer is a unit, and everything outside of layers is one
    more."""
    for layer in reversed([*student.modules()]):  # inner ones first
        if isinstance(layer, GradientCheckpointingLayer):
            fully_shard(layer, mesh=mesh)
    fully_shard(student, mesh=mesh)
    # The loss calls parts of the student, so the unit around them stays gathered during all of it.
    setattr(student, LOSS, MethodType(weighted_loss, student))
    register_fsdp_forward_method(student, LOSS)


def loss_of(student: Any, *arguments: Any, **reading: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The `weighted_loss` of a student, sharded or not."""
    sharded = getattr(student, LOSS, None)
    return (
        sharded(*arguments, **reading) if sharded else weighted_loss(student, *arguments, **reading)
    )


def unshard(student: nn.Module) -> None:
    """Replace rank 0's shards by complete weights on the CPU; every rank must call this, and the
    others keep their shards."""
    gathered: dict[torch.Tensor, nn.Parameter] = {}
    for weight in student.parameters():  # a tied weight once
        if isinstance(weight, DTensor):
            values = whole(weight.detach())
            if torch.distributed.get_rank() == 0:
                gathered[weight] = nn.Parameter(values.cpu(), weight.requires_grad)
    for module in student.modules():
        for name, held in module._parameters.items():
            if held is not None:
                module._parameters[name] = gathered.get(held, held)


def whole(value: torch.Tensor) -> torch.Tensor:
    """A sharded tensor as a plain one; every rank must call this."""
    return value.full_tensor() if isinstance(value, DTensor) else value
