"""A run's numbers: in CSV files always, and in the logger that the configuration names."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mdexp.ports import Logger, RunIdentity
from mdexp.store.files import read_json
from mdexp.sweeps.jobs import RESULT, flat
from mdexp.sweeps.sweep_plan import PLAN, read_sweep
from mdexp.tracking.feeds import Feed, log_row, trouble_said

MULTIRUN_MARK = "multirun.yaml"  # Hydra writes it into a sweep's folder
LIVE = "training"  # folder within a run's: Lightning's CSV file of a training under way
NO_NAME = ("hydra", "logger", "store=")  # overrides that say nothing of what is run


class Tracker:
    """Of one run. Numbers of a training that runs go to `feeds`; of one that was found in the
    store, all at once."""

    def __init__(self, logger: Logger, run: RunIdentity) -> None:
        self._folder, self._logged = run.folder, logger.start(run)
        self._name = type(logger).__name__
        self._live = False
        self._history: Sequence[Mapping[str, float]] = []

    def feeds(self) -> list[Feed]:
        """Lightning's loggers, for a training that begins."""
        from pytorch_lightning.loggers import CSVLogger

        self._live = True
        shutil.rmtree(self._folder / LIVE, ignore_errors=True)
        here = CSVLogger(self._folder, name="", version=LIVE, flush_logs_every_n_steps=1)
        return [Feed(here), *self._chosen()]

    def log_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Keep a training's rows for history.csv, and log them unless that was done live."""
        self._history = rows
        feeds = [] if self._live else self._chosen()
        for row in rows:
            log_row(feeds, row)

    def finish(self, metrics: Mapping[str, Any] | None) -> None:
        """End with the final metrics (nested, as in metrics.json), or with None as failed."""
        if self._history:
            _write_csv(self._folder / "history.csv", self._history)
        if metrics:
            _write_csv(self._folder / "metrics.csv", metric_rows(metrics))
        if self._logged:
            with trouble_said(self._name):
                self._logged.finish(metrics)

    def _chosen(self) -> list[Feed]:
        if self._logged is None:
            return []
        return [Feed(self._logged.lightning(), self._logged.last_step)]


def metric_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
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


def run_name(folder: Path) -> str:
    """The overrides of the job that runs in a folder, without those of NO_NAME and those that all
    jobs of its sweep share; empty where none are left."""
    if not (folder / RESULT).is_file():
        return ""
    plan = folder.parent / PLAN
    points = read_sweep(folder.parent).points if plan.is_file() else []
    shared = set.intersection(*map(set, points)) if len(points) > 1 else set()
    overrides = read_json(folder / RESULT)["overrides"]
    return " ".join(o for o in overrides if o not in shared and not o.startswith(NO_NAME))
