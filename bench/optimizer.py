"""AdamW fused against the loop and `foreach`, over the parameters of a 135 M student.

    python -m bench.optimizer

Prints seconds a step (median of alternating runs) and how many times faster fused is.
"""

import statistics
import time
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import AdamW

SHAPES = [(1536, 576)] * 90 + [(576, 576)] * 60 + [(192, 576)] * 60 + [(49152, 576)]
KINDS: dict[str, dict[str, Any]] = {
    "fused": {"fused": True},
    "foreach": {"foreach": True},
    "loop": {"foreach": False, "fused": False},
}
ROUNDS = 3


def main() -> None:
    parameters = [Parameter(torch.randn(shape)) for shape in SHAPES]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    print(f"{sum(p.numel() for p in parameters) / 1e6:.1f} M parameters")
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind, options in list(KINDS.items()) * (1 + ROUNDS):
        optimizer = AdamW(parameters, lr=1e-6, **options)
        optimizer.step()  # makes the state
        started = time.perf_counter()
        optimizer.step()
        seconds[kind].append(time.perf_counter() - started)
    medians = {kind: statistics.median(times[1:]) for kind, times in seconds.items()}
    for kind, median in medians.items():
        print(f"{kind:8} {median:.3f} s a step, {median / medians['fused']:.1f} x fused")


if __name__ == "__main__":
    main()
