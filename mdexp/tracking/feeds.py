"""Where a training's numbers go while it runs, and under which names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mdexp.sweeps.jobs import flat

VALIDATION = "validation_"  # begins the names of what was measured on held-out examples


@dataclass(frozen=True, slots=True)
class Feed:
    """A Lightning logger; `last_step` is the last that it had before, -1 for none."""

    logger: Any
    last_step: int = -1


def log_row(feeds: Sequence[Feed], row: Mapping[str, float]) -> None:
    """Log an optimiser step's row as `train/loss`, `validation/nll_cot` and so on."""
    step = int(row["step"])
    values = {_name(key): value for key, value in row.items() if key != "step"}
    for feed in feeds:
        if step > feed.last_step:
            feed.logger.log_metrics(values, step)


def final_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metrics, nested as in metrics.json, by names such as `svamp/after/vote/accuracy`, which
    loggers show in groups."""
    return {
        name.replace(".", "/"): value
        for name, value in flat(metrics).items()
        if isinstance(value, int | float)
    }


def _name(key: str) -> str:
    if key.startswith(VALIDATION):
        return f"validation/{key.removeprefix(VALIDATION)}"
    return f"train/{key}"
