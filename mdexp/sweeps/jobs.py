"""The results of a command's jobs: a failed one is recorded and shown, and hides no other.

Each job writes `result.json` into its folder, so that all launchers report in the same way. A
running job holds a file lock, which the system releases when its process dies; so a killed job can
be told from a running one. The table and `results.csv` are made from these files.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from mdexp.records import VALIDATION, flat
from mdexp.records.row_names import RUN_VOTE, is_shown, row_name
from mdexp.store.files import read_json, write_json, write_text
from mdexp.store.run_folder import MANIFEST, RESCORED

RESULT = "result.json"
TRACEBACK = "traceback.txt"
TABLE = "results.csv"
LOG = "job.log"  # output of a job's own process, if it had one
LOCK = ".running"
ENDLESS = 10_000  # characters

State = Literal["ok", "failed", "interrupted", "killed", "running", "not run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """The outcome of one job. `metrics` are those of metrics.json."""

    job: int
    state: State
    overrides: list[str]
    folder: str
    seconds: float = 0.0
    error: str = ""
    refused: bool = False  # refused because of its settings or data
    metrics: dict[str, Any] = field(default_factory=dict)


def forget(folder: Path) -> None:
    """Remove the results of an earlier command from the same folder."""
    for path in folder.glob(f"**/{RESULT}"):
        path.unlink()


def collect(folder: Path, planned: Sequence[Sequence[str]]) -> list[JobResult]:
    """The results of all jobs below `folder`, in order; a planned job without a result is `not
    run`."""
    files = sorted(folder.glob(f"**/{RESULT}"))
    ours = [file for file in files if RESCORED not in file.relative_to(folder).parts]
    done = {result.job: result for result in map(_read, ours)}
    for job, overrides in enumerate(planned):
        none = JobResult(job=job, state="not run", overrides=[], folder=str(folder / str(job)))
        # The planned overrides: Hydra's sweeper escapes them, so a job may record them differently.
        done[job] = dataclasses.replace(done.get(job, none), overrides=list(overrides))
    return [done[job] for job in sorted(done)]


def job_folder(folder: Path) -> Path:
    """The folder of the job that was scored again in `folder`; else `folder` itself."""
    return folder.parents[1] if folder.parent.name == RESCORED else folder


def with_rescored(results: Sequence[JobResult]) -> list[JobResult]:
    """The results, each followed by those of its rescored variants."""
    return [each for result in results for each in (result, *_rescored(result))]


def _rescored(result: JobResult) -> Iterator[JobResult]:
    for file in sorted(Path(result.folder).glob(f"{RESCORED}/*/metrics.json")):
        yield dataclasses.replace(
            result,
            overrides=[*result.overrides, file.parent.name],
            folder=str(file.parent),
            seconds=read_json(file.with_name(MANIFEST))["seconds"],
            metrics=read_json(file),
        )


def ended(job: int, overrides: Sequence[str], folder: Path, reason: str) -> JobResult:
    """The result of a job whose process has ended; if it left none, one with `reason`."""
    if (folder / RESULT).is_file() and (result := _read(folder / RESULT)).state != "killed":
        return result
    place = str(folder)
    killed = JobResult(
        job=job, state="killed", overrides=list(overrides), folder=place, error=reason
    )
    write_json(folder / RESULT, killed)
    return killed


def _read(path: Path) -> JobResult:
    """The recorded result of a job; one that is `running` without a lock was killed."""
    result = JobResult(**json.loads(path.read_text(encoding="utf-8")))
    if result.state != "running":
        return result
    try:
        with FileLock(path.with_name(LOCK), timeout=0):
            reason = "its process is gone: killed, or out of memory"
            return dataclasses.replace(result, state="killed", error=reason)
    except Timeout:
        return result


def validation_accuracy(metrics: Mapping[str, Any]) -> float | None:
    """The value that a search maximises: accuracy on validation problems after training, of the
    vote if there is one. None without validation, which Optuna counts as a failed trial (it rejects
    NaN)."""
    for dataset, phases in metrics.items():
        if dataset.endswith(VALIDATION) and (ways := phases.get("after")):
            return float((ways.get(RUN_VOTE) or next(iter(ways.values())))["accuracy"])
    return None


def exit_code(results: Sequence[JobResult]) -> int:
    """0 if all jobs succeeded; 2 if all others were refused because of their settings or data; else
    1."""
    failed = [result for result in results if result.state != "ok"]
    return int(bool(failed)) + int(bool(failed) and all(result.refused for result in failed))


def differing(results: Sequence[JobResult]) -> list[list[str]]:
    """Each job's overrides, without those that all jobs share."""
    shared = set.intersection(*(set(result.overrides) for result in results)) if results else set()
    alone = len(results) == 1
    return [[o for o in result.overrides if alone or o not in shared] for result in results]


def write_table(path: Path, results: Sequence[JobResult]) -> None:
    """Write one row for each job and rescored variant: state, overrides, seconds, then every metric
    by its dotted name."""
    rows, results = [], with_rescored(results)
    for result, overrides in zip(results, differing(results), strict=True):
        row = {
            "job": result.job,
            "state": result.state,
            "seconds": result.seconds,
            "overrides": " ".join(overrides),
            "error": result.error,
            "folder": result.folder,
        }
        rows.append(row | flat(result.metrics))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, file.getvalue())


def print_table(results: Sequence[JobResult]) -> None:
    """Print state, overrides, seconds, and accuracy after training in percent with its 95 %
    interval."""
    from rich.console import Console
    from rich.table import Table

    columns, results = accuracy_columns(results), with_rescored(results)
    table = Table(title="Accuracy on test after training, % with 95 % interval")
    for heading in ("job", "state", "overrides", "seconds"):
        right = heading in ("job", "seconds")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for dataset, way in columns:
        name = column_name(results, dataset, way)
        table.add_column(f"{dataset}\n{name}", justify="right", no_wrap=True)
    for result, overrides in zip(results, differing(results), strict=True):
        cells = [accuracy(result.metrics, dataset, way) for dataset, way in columns]
        state = result.state if result.state == "ok" else f"[bold red]{result.state}[/]"
        table.add_row(str(result.job), state, "\n".join(overrides), f"{result.seconds:.0f}", *cells)
    console = Console()
    endless = console.options.update(width=ENDLESS)  # for a file
    # A narrow terminal wraps long lines; rich would cut the values.
    Console(width=console.measure(table, options=endless).maximum).print(table)


def accuracy_columns(results: Sequence[JobResult]) -> list[tuple[str, str]]:
    """The (test set, way to answer) pairs of any job, grouped by test set, the vote last."""
    pairs: dict[tuple[str, str], None] = {}
    for result in results:
        for dataset, phases in result.metrics.items():
            if not dataset.endswith(VALIDATION):
                rows = phases.get("after", {})
                pairs |= {(dataset, way): None for way in rows if is_shown(way, rows[way])}
    sets = list(dict.fromkeys(dataset for dataset, _ in pairs))
    return sorted(pairs, key=lambda pair: (sets.index(pair[0]), pair[1] == RUN_VOTE))


def column_name(results: Sequence[JobResult], dataset: str, way: str) -> str:
    """A column's name, as in reports: `tie-break`, or `vote of 8` if all jobs have 8 paths."""
    measured = [result.metrics.get(dataset, {}).get("after", {}) for result in results]
    found = [rows[way] for rows in measured if way in rows]
    return row_name(way, [row for row in found if is_shown(way, row)])


def accuracy(metrics: Mapping[str, Any], dataset: str, way: str) -> str:
    """The accuracy in percent, with its 95 % interval on a second line; empty if it was not
    measured."""
    row = metrics.get(dataset, {}).get("after", {}).get(way)
    if row is None or not is_shown(way, row):
        return ""
    low, high = row["ci95"]
    return f"{100 * row['accuracy']:.1f}\n[{100 * low:.1f}, {100 * high:.1f}]"
