"""Where a training's numbers go while it runs, and under which names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mdexp.ports.logger import trouble_said
from mdexp.records import flat

VALIDATION = "validation_"  # begins the names of what was measured on held-out examples


@dataclass(slots=True)
class LightningFeed:
    """A Lightning logger; `last_step` is the last that it had before, -1 for none. One that fails
    gets no more."""

    logger: Any
    last_step: int = -1
    failed: bool = False

    def log_row(self, row: Mapping[str, float]) -> None:
        """Log an optimiser step's row as `train/loss`, `validation/nll_cot` and so on."""
        step = int(row["step"])
        if self.failed or step <= self.last_step:
            return
        self.failed = True
        with trouble_said(type(self.logger).__name__):
            values = {_name(key): value for key, value in row.items() if key != "step"}
            self.logger.log_metrics(values, step)
            self.failed = False


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
