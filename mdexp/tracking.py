"""A run's numbers as CSV files always, in Weights & Biases and in TensorBoard if asked for."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mdexp.config.blocks import LoggerSettings
from mdexp.config.settings import Settings
from mdexp.sweeps.jobs import flat
from mdexp.wandb_run import WandbRun, run_key, wandb_mode

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

MULTIRUN_MARK = "multirun.yaml"  # Hydra writes it into a sweep's folder


class LoggerUnavailable(ValueError):
    """A logger was asked for that is not installed; the message says how to get it."""


class Tracker:
    """Of one run: history.csv and metrics.csv in its folder, and whatever else is asked for."""

    def __init__(
        self, folder: Path, wandb_run: WandbRun | None, writer: "SummaryWriter | None"
    ) -> None:
        self._folder, self._wandb, self._writer = folder, wandb_run, writer
        self._history: list[dict[str, float]] = []

    @classmethod
    def start(
        cls, settings: Settings, config: Mapping[str, Any], folder: Path, group: str | None
    ) -> Self:
        """Begin to track; what W&B has yet to upload lies in `folder`/wandb."""
        logger = settings.logger
        writer = _writer(folder) if logger.tensorboard else None
        mode = wandb_mode(logger)
        if mode == "disabled":
            return cls(folder, None, writer)
        run = WandbRun.start(
            logger,
            mode,
            id=run_key(config, group),
            name="/".join(part for part in (group, folder.name) if part),
            config=config,
            folder=folder,
            group=group,
        )
        return cls(folder, run, writer)

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log training values of an optimiser step."""
        self._history.append({"step": step, **values})
        if self._wandb:
            self._wandb.log(values, step)
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(f"train/{name}", value, step)

    def finish(self, metrics: Mapping[str, Any] | None) -> None:
        """End with the final metrics (nested, as in metrics.json), or with None as failed."""
        if self._history:
            _write_csv(self._folder / "history.csv", self._history)
        if metrics:
            _write_csv(self._folder / "metrics.csv", _rows(metrics))
        if self._writer:
            self._finish_writer(metrics or {})
        if self._wandb:
            self._wandb.finish(metrics)
            self._wandb = None

    def _finish_writer(self, metrics: Mapping[str, Any]) -> None:
        assert self._writer
        for name, value in flat(metrics).items():
            if isinstance(value, int | float):
                self._writer.add_scalar(name.replace(".", "/"), value, len(self._history))
        self._writer.close()
        self._writer = None


def _writer(folder: Path) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise LoggerUnavailable(
            'logger=tensorboard needs tensorboard: pip install "mdexp[tensorboard]", '
            "or choose logger=csv"
        ) from error
    return SummaryWriter(str(folder / "tensorboard"))


def _rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for each dataset, phase and way to answer."""
    return [
        {"dataset": dataset, "phase": phase, "way": way, **flat(measured)}
        for dataset, phases in metrics.items()
        for phase, ways in phases.items()
        for way, measured in ways.items()
        if isinstance(measured, Mapping)
    ]


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def sweep_of(folder: Path) -> str | None:
    """Name of the sweep that a job's folder belongs to: the group of its W&B run."""
    sweeps = (parent for parent in folder.absolute().parents if (parent / MULTIRUN_MARK).is_file())
    sweep = next(sweeps, None)
    return sweep.name if sweep else None


def track_sweep(
    logger: LoggerSettings, folder: Path, page: Path, rows: Sequence[Sequence[Any]]
) -> None:
    """A W&B run for a whole sweep, in the group of its jobs: its curves and its page."""
    mode = wandb_mode(logger)
    if mode == "disabled" or not rows:
        return
    name = folder.absolute().name
    run = WandbRun.start(
        logger,
        mode,
        id=run_key({}, name),
        name=f"{name}/sweep",
        config={},
        folder=folder,
        group=name,
        job_type="sweep",
    )
    run.log_curves(rows)
    run.log_files("sweep", [page])
    run.finish(None, failed=False)
