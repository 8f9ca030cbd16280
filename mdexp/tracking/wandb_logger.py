"""Weights & Biases: online with a key, offline without.

Every wait for the server has a limit, and together they stay under a minute, so that a server
which is gone cannot hold up a run. What it did not get lies in the run's folder for `wandb sync`.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from mdexp.ports import RunIdentity
from mdexp.tracking.feeds import final_numbers
from mdexp.tracking.tables import COLUMNS, CURVE_COLUMNS, generation_rows

if TYPE_CHECKING:
    import wandb
    from pytorch_lightning.loggers import WandbLogger as LightningLogger

log = logging.getLogger(__name__)

INIT_TIMEOUT_S = 15.0  # it takes some ten seconds more to give up
FINISH_TIMEOUT_S = 30.0  # wandb's default waits for ever when the server is gone
# Lightning's name for the axis: wandb's own starts again from 0 where a run is resumed offline.
STEP = "trainer/global_step"
PROJECT = "mdexp"
REPORTS = ("report.html", "report.md", "metrics.json")
MAX_NAME = 128  # characters that a server takes
MAX_ROWS = 10_000  # of a table that a browser shows
NOT_OF_A_RUN = ("run", "store", "stages", "logger")  # what changes no result

Mode = Literal["online", "offline", "disabled"]
# What WANDB_MODE may say; the last two are older names.
MODES: dict[str, Mode] = {"online": "online", "offline": "offline", "disabled": "disabled"}
MODES |= {"run": "online", "dryrun": "offline"}


class WandbLogger(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mode: Literal["auto", "online", "offline", "disabled"]
    project: str | None
    entity: str | None

    def start(self, run: RunIdentity) -> "LoggedWandbRun | None":
        """Begin a run, or go on with that of the same configuration."""
        if self.resolved_mode() == "disabled":
            return None
        begun = self._begin(
            id=run_id(run.config, run.group),
            name=_named(run.name or run.folder.name, in_sweep=run.group is not None),
            config=dict(run.config),
            dir=run.folder,
            group=run.group,
            job_type="run",
        )
        return LoggedWandbRun(begun, run.folder)

    def log_sweep(self, folder: Path, page: Path, curves: Sequence[Sequence[Any]]) -> None:
        """A run for a sweep, in the group of its jobs: its page, its accuracies (rows of
        CURVE_COLUMNS), and a plot for each test set and key."""
        if self.resolved_mode() == "disabled" or not curves:
            return
        name = folder.absolute().name
        begun = self._begin(
            id=run_id({}, name),
            name=_named(name, in_sweep=True),
            dir=folder,
            group=name,
            job_type="sweep",
        )
        _log_curves(begun, curves)
        _log_files(begun, "sweep", [page])
        begun.finish(exit_code=0)

    def resolved_mode(self) -> Mode:
        """`auto` and `online` are WANDB_MODE if it is set, else online where a key is found, else
        offline."""
        if self.mode in ("offline", "disabled"):
            return self.mode
        if (asked := os.environ.get("WANDB_MODE")) is None:
            return "online" if has_key() else "offline"
        if asked not in MODES:
            raise ValueError(f"WANDB_MODE={asked}: may be {', '.join(MODES)}")
        return MODES[asked]

    def _begin(self, **identity: Any) -> "wandb.Run":
        """Offline, with a warning, where the server does not answer. W&B's helper process serves
        all runs of a process; one that died since is started again."""
        import wandb
        from wandb.errors import CommError
        from wandb.sdk.mailbox import MailboxClosedError

        limits = wandb.Settings(
            init_timeout=INIT_TIMEOUT_S, finish_timeout=FINISH_TIMEOUT_S, console="off", silent=True
        )

        def init(mode: Mode) -> wandb.Run:
            return wandb.init(
                mode=mode,
                project=self.project or os.environ.get("WANDB_PROJECT") or PROJECT,
                entity=self.entity,
                resume="allow",
                reinit="finish_previous",
                settings=limits,
                **identity,
            )

        mode = self.resolved_mode()
        if (self.mode, mode) == ("online", "offline"):
            log.warning("W&B: this run is kept offline, for `wandb sync`: no key, or WANDB_MODE")
        try:
            run = init(mode)
        except CommError as error:
            log.warning("W&B does not answer (%s): this run is tracked offline", error)
            stop_helper()  # it still holds the id
            run = init("offline")
        except (MailboxClosedError, ConnectionError):
            stop_helper()
            run = init(mode)
        for names in ("train/*", "validation/*"):
            run.define_metric(names, step_metric=STEP)
        return run


class LoggedWandbRun:
    """A run that is under way; `folder` is that of the experiment."""

    def __init__(self, run: "wandb.Run", folder: Path) -> None:
        self._run, self._folder = run, folder
        # A server knows the first steps of a run that goes on; offline they are kept twice.
        self.last_step = int(run.summary.get(STEP, -1)) if run.resumed else -1

    def lightning(self) -> "LightningLogger":
        from pytorch_lightning.loggers import WandbLogger

        return WandbLogger(experiment=self._run)

    def finish(self, metrics: Mapping[str, Any] | None) -> None:
        """With the final metrics, generations and reports; without metrics, as failed."""
        if metrics:
            self._run.summary.update(final_numbers(metrics))
            _log_generations(self._run, self._folder)
            _log_files(self._run, "report", [self._folder / name for name in REPORTS])
        self._run.finish(exit_code=int(metrics is None))


def stop_helper() -> None:
    """End W&B's helper process; the next run starts one anew."""
    import wandb

    with suppress(ConnectionError):  # it is gone already
        wandb.teardown()


def _named(job: str, *, in_sweep: bool) -> str:
    """WANDB_NAME, with the job's own name behind it in a sweep; else the job's own name."""
    asked = os.environ.get("WANDB_NAME")
    parts = [asked, job] if asked and in_sweep else [asked or job]
    return "/".join(part for part in parts if part)[:MAX_NAME]


def _log_generations(run: "wandb.Run", folder: Path) -> None:
    import wandb

    if rows := generation_rows(folder, MAX_ROWS, "W&B"):
        run.log({"generations": wandb.Table(columns=list(COLUMNS), data=rows)})


def _log_curves(run: "wandb.Run", rows: Sequence[Sequence[Any]]) -> None:
    import wandb

    run.log({"curves": wandb.Table(columns=list(CURVE_COLUMNS), data=[*map(list, rows)])})
    for dataset, key in dict.fromkeys((row[0], row[1]) for row in rows):
        own = [list(row) for row in rows if (row[0], row[1]) == (dataset, key)]
        table = wandb.Table(columns=list(CURVE_COLUMNS), data=own)
        title = f"{dataset}: accuracy by {key}"
        plot = wandb.plot.line(table, "value", "accuracy", stroke="line", title=title)
        run.log({f"curve/{dataset}/{key}": plot})


def _log_files(run: "wandb.Run", kind: str, files: Sequence[Path]) -> None:
    """Those of the files that are there, as one artifact."""
    import wandb

    if present := [file for file in files if file.is_file()]:
        artifact = wandb.Artifact(f"{kind}-{run.id}", type=kind)
        for file in present:
            artifact.add_file(str(file))
        run.log_artifact(artifact)


def run_id(config: Mapping[str, Any], group: str | None) -> str:
    """The id of the run with this configuration in this sweep: the same when it is run again."""
    of_run = {key: value for key, value in config.items() if key not in NOT_OF_A_RUN}
    text = json.dumps([of_run, group], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def has_key() -> bool:
    """Whether W&B finds a key for its server, in the environment or in netrc."""
    import wandb

    return wandb.login(prompt=False, verify=False)
