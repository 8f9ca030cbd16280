"""The learning rate over a run: linear warm-up, then linear or cosine decay to zero, or none."""

import math
from collections.abc import Callable

from mdexp.config.blocks import TrainerSettings


def learning_rate_factor(options: TrainerSettings, num_steps: int) -> Callable[[int], float]:
    """The factor of the peak rate at each step; it is above zero already in the first step of a
    warm-up."""
    warmup = round(options.warmup * num_steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        progress = min(1.0, (step - warmup) / max(1, num_steps - warmup))
        if options.schedule == "cosine":
            return (1 + math.cos(math.pi * progress)) / 2
        return 1 - progress if options.schedule == "linear" else 1.0

    return factor
