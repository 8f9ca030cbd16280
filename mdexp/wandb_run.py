"""One run in Weights & Biases: online with a key, offline without.

Every wait for the server has a limit, and together they stay under a minute, so that a server
which is gone cannot hold up a run. What it did not get lies in the run's folder for `wandb sync`.
"""

import hashlib
import json
import logging
import netrc
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlparse

from mdexp.config.blocks import LoggerSettings
from mdexp.store.json_lines import objects_of_file
from mdexp.sweeps.jobs import flat

if TYPE_CHECKING:
    import wandb

log = logging.getLogger(__name__)

INIT_TIMEOUT_S = 15.0  # it takes some ten seconds more to give up
FINISH_TIMEOUT_S = 30.0  # wandb's default waits for ever when the server is gone
STEP = "train/step"
REPORTS = ("report.html", "report.md", "metrics.json")
GENERATIONS = "generations.jsonl"
COLUMNS = (
    "dataset",
    "split",
    "phase",
    "thought",
    "sample",
    "problem_id",
    "text",
    "answer",
    "status",
    "correct",
)
MAX_ROWS = 10_000  # of a table that a browser shows
CURVE_COLUMNS = ("dataset", "key", "value", "line", "accuracy", "low", "high")
NOT_OF_A_RUN = ("run", "store", "stages", "logger")  # what changes no result

Mode = Literal["online", "offline", "disabled"]


class WandbRun:
    """A run that is under way; `folder` is that of the experiment."""

    def __init__(self, run: "wandb.Run", folder: Path) -> None:
        self._run, self._folder = run, folder
        # Where a run goes on, its server knows the first steps; offline they are simply kept twice.
        self._known_step = int(run.summary.get(STEP) or 0) if run.resumed else 0

    @classmethod
    def start(
        cls,
        logger: LoggerSettings,
        mode: Mode,
        *,
        id: str,
        name: str,
        config: Mapping[str, Any],
        folder: Path,
        group: str | None,
        job_type: str = "run",
    ) -> Self:
        """Begin a run, or go on with that of the same id; offline, with a warning, where the server
        does not answer."""
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
                id=id,
                resume="allow",
                name=name,
                group=group,
                job_type=job_type,
                config=dict(config),
                dir=folder,
                reinit="finish_previous",
                settings=limits,
            )

        try:
            run = init(mode)
        except CommError as error:
            log.warning("W&B does not answer (%s): this run is tracked offline", error)
            wandb.teardown()  # its service still holds the id
            run = init("offline")
        # An axis of our own: wandb's starts again from 0 where a run is resumed offline.
        run.define_metric("train/*", step_metric=STEP)
        return cls(run, folder)

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Training values of an optimiser step, once."""
        if step > self._known_step:
            self._run.log({f"train/{name}": value for name, value in values.items()} | {STEP: step})

    def log_curves(self, rows: Sequence[Sequence[Any]]) -> None:
        """A sweep's accuracies (rows of CURVE_COLUMNS), and a plot for each test set and key."""
        import wandb

        self._run.log({"curves": wandb.Table(columns=list(CURVE_COLUMNS), data=[*map(list, rows)])})
        for dataset, key in dict.fromkeys((row[0], row[1]) for row in rows):
            own = [list(row) for row in rows if (row[0], row[1]) == (dataset, key)]
            table = wandb.Table(columns=list(CURVE_COLUMNS), data=own)
            title = f"{dataset}: accuracy by {key}"
            plot = wandb.plot.line(table, "value", "accuracy", stroke="line", title=title)
            self._run.log({f"curve/{dataset}/{key}": plot})

    def log_files(self, kind: str, files: Sequence[Path]) -> None:
        """Those of the files that are there, as one artifact."""
        import wandb

        if present := [file for file in files if file.is_file()]:
            artifact = wandb.Artifact(f"{kind}-{self._run.id}", type=kind)
            for file in present:
                artifact.add_file(str(file))
            self._run.log_artifact(artifact)

    def finish(self, metrics: Mapping[str, Any] | None, *, failed: bool | None = None) -> None:
        """End with the final metrics, generations and reports; without metrics, as failed."""
        if metrics:
            self._run.summary.update(flat(metrics))
            self._log_generations()
            self.log_files("report", [self._folder / name for name in REPORTS])
        ended_badly = metrics is None if failed is None else failed
        self._run.finish(exit_code=int(ended_badly))

    def _log_generations(self) -> None:
        import wandb

        file = self._folder / GENERATIONS
        if not file.is_file():
            return
        rows = [row for _, row in objects_of_file(file)]
        if len(rows) > MAX_ROWS:
            log.warning("W&B gets %d of %d generations; all are in %s", MAX_ROWS, len(rows), file)
        # A column has one type there, and answers may be numbers or words.
        data = [
            [str(row[name]) if name == "answer" else row[name] for name in COLUMNS]
            for row in rows[:MAX_ROWS]
        ]
        self._run.log({"generations": wandb.Table(columns=list(COLUMNS), data=data)})


def run_key(config: Mapping[str, Any], group: str | None) -> str:
    """The id of the run with this configuration in this sweep: the same when it is run again."""
    told = {key: value for key, value in config.items() if key not in NOT_OF_A_RUN}
    text = json.dumps([told, group], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
