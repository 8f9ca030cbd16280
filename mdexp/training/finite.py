"""Stops a training at the first NaN or infinite number, before it reaches a weight."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from mdexp.training.sharding import whole

ADVICE = (
    "Try a lower trainer.learning_rate, a longer trainer.warmup, a lower trainer.clip_norm or "
    "trainer.precision=32-true"
)
Named = Iterable[tuple[str, torch.nn.Parameter]]


class NotFinite(ArithmeticError):
    """A loss, gradient or weight is NaN or infinite; the message says where, and what to try."""


def judge_step(row: Mapping[str, float], norm: float, scale: float, parameters: Named) -> None:
    """NotFinite if a step's loss or gradient norm is not finite. float16 overflows now and then:
    such a step is skipped and the loss scale lowered, which is an error only if that no longer
    helps."""
    gradients_are_bad = not math.isfinite(norm) and scale <= 1
    if math.isfinite(row["loss"]) and not gradients_are_bad:
        return
    losses = {name: value for name, value in row.items() if name == "loss" or name[:4] == "nll_"}
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    seen = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
    raise NotFinite(
        f"step {row['step']}: {' and '.join(bad or ['a gradient'])} not finite ({seen}; "
        f"learning rate {row['learning_rate']:.3g}; gradient norm {norm:.3g}, "
        f"{_largest_gradient(parameters)}). "
        f"The step was not taken. {ADVICE}"
    )


def judge_validation(step: int, found: Mapping[str, float]) -> None:
    """NotFinite if the NLL of held-out examples is not finite."""
    if not all(map(math.isfinite, found.values())):
        seen = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
        raise NotFinite(f"after step {step}: not finite on held-out examples ({seen}). {ADVICE}")


def judge_weights(step: int, parameters: Named) -> None:
    """NotFinite if a trained weight is not finite, so that no checkpoint contains it."""
    for name, parameter in parameters:
        if parameter.requires_grad and not bool(whole(torch.isfinite(parameter).all())):
            raise NotFinite(f"step {step}: the weights of {name} are not finite. {ADVICE}")


def what_is_left(error: NotFinite, checkpoint: Path | None) -> NotFinite:
    """The error, completed by the last checkpoint and how to export the student from it."""
    if checkpoint is None:
        return NotFinite(f"{error}. No checkpoint was written before (trainer.checkpoint_steps)")
    return NotFinite(
        f"{error}. The last checkpoint is {checkpoint}; "
        "python -m mdexp.export RUN FOLDER --checkpoint FILE makes a student of it"
    )


def _largest_gradient(parameters: Named) -> str:
    """The largest finite absolute gradient, and the parameters whose gradients are not finite."""
    largest, where, bad = 0.0, "", []
    for name, parameter in parameters:
        if parameter.grad is None:
            continue
        size = float(whole(parameter.grad.abs().max())) if parameter.grad.numel() else 0.0
        if not math.isfinite(size):
            bad.append(name)
        elif size >= largest:
            largest, where = size, name
    found = f"largest finite gradient {largest:.3g} in {where}" if where else "no finite gradient"
    return found + (f"; not finite in {len(bad)}, the first {bad[0]}" if bad else "")
