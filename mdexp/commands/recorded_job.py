"""Runs one job in this process and records its outcome in its folder."""

import logging
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from mdexp.commands.printable import printable
from mdexp.commands.signals import EXITS
from mdexp.config.settings import SettingsError
from mdexp.ports import SourceError
from mdexp.ports.progress import IN_BAR
from mdexp.store.files import write_json
from mdexp.sweeps.jobs import LOCK, RESULT, TRACEBACK, JobResult, State

log = logging.getLogger(__name__)


def run_job(
    work: Callable[[], dict[str, Any]],
    *,
    job: int,
    overrides: Sequence[str],
    folder: Path,
    in_sweep: bool,
) -> JobResult:
    """Run `work`, which returns metrics, and record the outcome. Only signals are raised again."""
    with FileLock(folder / LOCK):
        return _attempt(work, job=job, overrides=overrides, folder=folder, in_sweep=in_sweep)


def _attempt(
    work: Callable[[], dict[str, Any]],
    *,
    job: int,
    overrides: Sequence[str],
    folder: Path,
    in_sweep: bool,
) -> JobResult:
    started = time.monotonic()

    def record(state: State, **found: Any) -> JobResult:
        seconds = round(time.monotonic() - started, 3)
        result = JobResult(
            job=job,
            state=state,
            overrides=list(overrides),
            folder=str(folder),
            seconds=seconds,
            **found,
        )
        write_json(folder / RESULT, result)
        return result

    (folder / TRACEBACK).unlink(missing_ok=True)
    record("running")
    try:
        return record("ok", metrics=work())
    except (Exception, SystemExit) as error:
        (folder / TRACEBACK).write_text(traceback.format_exc())
        if isinstance(error, SystemExit) and error.code in EXITS:
            record("interrupted")
            raise
        refused = isinstance(error, SettingsError | SourceError)
        said = str(error) if refused else f"{type(error).__name__}: {error}"
        result = record("failed", error=said, refused=refused)
        _show(result, in_sweep)
        return result
    except KeyboardInterrupt:
        record("interrupted")
        raise


def _show(result: JobResult, in_sweep: bool) -> None:
    """Say why a job failed, on standard error and in its log file."""
    name = f"job {result.job} ({' '.join(result.overrides) or 'defaults'})" if in_sweep else "run"
    where = "" if result.refused else f"\n  traceback: {Path(result.folder) / TRACEBACK}"
    said = f"{name} failed: {result.error}{where}"
    print(printable(said), file=sys.stderr, flush=True)
    log.error("%s", said, extra={IN_BAR: True})  # not on the console a second time
