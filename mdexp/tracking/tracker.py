"""A run's numbers: in CSV files always, and in the logger that the configuration names."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mdexp.ports import Logger, RunIdentity
from mdexp.ports.logger import trouble_said
from mdexp.records import metric_rows
from mdexp.tracking.feeds import LightningFeed

LIVE = "training"  # folder within a run's: Lightning's CSV file of a training under way


class Tracker:
    """Of one run. Numbers of a training that runs go to `feeds`; of one that was found in the
    store, all at once."""

    def __init__(self, logger: Logger, run: RunIdentity) -> None:
        self._folder, self._logged = run.folder, logger.start(run)
        self._name = type(logger).__name__
        self._live = False
        self._history: Sequence[Mapping[str, float]] = []

    def feeds(self) -> list[LightningFeed]:
        """Lightning's loggers, for a training that begins."""
        from pytorch_lightning.loggers import CSVLogger

        self._live = True
        shutil.rmtree(self._folder / LIVE, ignore_errors=True)
        here = CSVLogger(self._folder, name="", version=LIVE, flush_logs_every_n_steps=1)
        return [LightningFeed(here), *self._chosen()]

    def log_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Keep a training's rows for history.csv, and log them unless that was done live."""
        self._history = rows
        feeds = [] if self._live else self._chosen()
        for row in rows:
            for feed in feeds:
                feed.log_row(row)

    def finish(self, metrics: Mapping[str, Any] | None) -> None:
        """End with the final metrics (nested, as in metrics.json), or with None as failed."""
        if self._history:
            _write_csv(self._folder / "history.csv", self._history)
        if metrics:
            _write_csv(self._folder / "metrics.csv", metric_rows(metrics))
        if self._logged:
            with trouble_said(self._name):
                self._logged.finish(metrics)

    def _chosen(self) -> list[LightningFeed]:
        if self._logged is None:
            return []
        return [LightningFeed(self._logged.lightning(), self._logged.last_step)]


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
