"""A student in shards: each rank keeps a part of every weight, gradient and moment (FSDP2).

torch's `fully_shard` gathers a layer's weights when it computes and gives them back afterwards;
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
    """Lightning's strategy for a student in as many shards as there are ranks."""
    return ModelParallelStrategy(data_parallel_size=ranks, tensor_parallel_size=1)


def shard(student: "PreTrainedModel", mesh: DeviceMesh) -> None:
    """Shard the weights in place: each layer as a unit, and what lies outside of layers as one."""
    for layer in reversed([*student.modules()]):  # inner ones first
        if isinstance(layer, GradientCheckpointingLayer):
            fully_shard(layer, mesh=mesh)
    fully_shard(student, mesh=mesh)
    # The loss calls parts of the student, and the unit around them is gathered for the whole of it.
    setattr(student, LOSS, MethodType(weighted_loss, student))
    register_fsdp_forward_method(student, LOSS)


def loss_of(student: Any, *arguments: Any, **reading: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """`weighted_loss` of a student, in shards or not."""
    sharded = getattr(student, LOSS, None)
    return (
        sharded(*arguments, **reading) if sharded else weighted_loss(student, *arguments, **reading)
    )


def unshard(student: nn.Module) -> None:
    """Put whole weights, on the CPU, in the place of rank 0's shards; every rank has to ask, and
    the others keep theirs."""
    gathered: dict[torch.Tensor, nn.Parameter] = {}
    for weight in student.parameters():  # a tied one once
        if isinstance(weight, DTensor):
            values = whole(weight.detach())
            if torch.distributed.get_rank() == 0:
                gathered[weight] = nn.Parameter(values.cpu(), weight.requires_grad)
    for module in student.modules():
        for name, held in module._parameters.items():
            if held is not None:
                module._parameters[name] = gathered.get(held, held)


def whole(value: torch.Tensor) -> torch.Tensor:
    """What is computed of shards, as a plain tensor; every rank has to ask."""
    return value.full_tensor() if isinstance(value, DTensor) else value
