"""A run's numbers as CSV files, and in Weights & Biases: online with a key, offline without.

Every wait for the server has a limit, so that a server which is gone cannot hold up a run.
"""

import csv
import logging
import netrc
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlparse

from mdexp.jobs import flat
from mdexp.settings import LoggerSettings, Settings

if TYPE_CHECKING:
    import wandb

log = logging.getLogger(__name__)

INIT_TIMEOUT_S = 30.0
FINISH_TIMEOUT_S = 60.0  # wandb's default waits for ever when the server is gone
STEP_AXIS = "train/step"
MULTIRUN_MARK = "multirun.yaml"  # Hydra writes it into a sweep's folder

Mode = Literal["online", "offline", "disabled"]


class Tracker:
    """Of one run: history.csv and metrics.csv in its folder, and its W&B run, if any."""

    def __init__(self, folder: Path, run: "wandb.Run | None") -> None:
        self._folder, self._run = folder, run
        self._history: list[dict[str, float]] = []

    @classmethod
    def start(
        cls, settings: Settings, config: Mapping[str, Any], folder: Path, group: str | None
    ) -> Self:
        """Begin to track; what W&B has yet to upload lies in `folder`/wandb."""
        mode = wandb_mode(settings.logger)
        if mode == "disabled":
            return cls(folder, None)
        return cls(folder, _wandb_run(settings.logger, mode, config, folder, group))

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log training values of an optimiser step."""
        self._history.append({"step": step, **values})
        if self._run:
            named = {f"train/{name}": value for name, value in values.items()}
            self._run.log({**named, STEP_AXIS: step})

    def finish(self, metrics: Mapping[str, Any] | None) -> None:
        """End with the final metrics (nested, as in metrics.json), or with None as failed."""
        if self._history:
            _write_csv(self._folder / "history.csv", self._history)
        if metrics:
            _write_csv(self._folder / "metrics.csv", _rows(metrics))
        if self._run:
            self._run.summary.update(flat(metrics or {}))
            self._run.finish(exit_code=int(metrics is None))
            self._run = None


def _wandb_run(
    logger: LoggerSettings, mode: Mode, config: Mapping[str, Any], folder: Path, group: str | None
) -> "wandb.Run":
    """A W&B run in this mode; offline, with a warning, where the server does not answer."""
    import wandb
    from wandb.errors import CommError

    limits = wandb.Settings(
        init_timeout=INIT_TIMEOUT_S, finish_timeout=FINISH_TIMEOUT_S, console="off", silent=True
    )

    def init(mode: Mode) -> wandb.Run:
        return wandb.init(
            mode=mode,
            project=logger.project,
            entity=logger.entity,
            group=group,
            name="/".join(part for part in (group, folder.name) if part),
            config=dict(config),
            dir=folder,
            reinit="finish_previous",
            settings=limits,
        )

    try:
        run = init(mode)
    except CommError as error:
        log.warning("W&B does not answer (%s): this run is tracked offline", error)
        run = init("offline")
    # An axis of our own: wandb's starts again from 0 where a run is resumed.
    run.define_metric("train/*", step_metric=STEP_AXIS)
    return run


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


def wandb_mode(logger: LoggerSettings) -> Mode:
    """`auto` resolved: WANDB_MODE if it is set, else online where a key is found."""
    if logger.mode != "auto":
        return logger.mode
    match os.environ.get("WANDB_MODE"):
        case "online" | "offline" | "disabled" as mode:
            return mode
        case _:
            return "online" if has_key() else "offline"


def has_key() -> bool:
    """Whether there is a key for W&B: in WANDB_API_KEY, or in netrc for its server."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    import wandb

    host = urlparse(wandb.setup().settings.base_url).hostname
    try:
        known = netrc.netrc(os.environ.get("NETRC"))
    except (OSError, netrc.NetrcParseError):
        return False
    return host is not None and known.authenticators(host) is not None


def sweep_of(folder: Path) -> str | None:
    """Name of the sweep that a job's folder belongs to: the group of its W&B run."""
    sweeps = (parent for parent in folder.absolute().parents if (parent / MULTIRUN_MARK).is_file())
    sweep = next(sweeps, None)
    return sweep.name if sweep else None
