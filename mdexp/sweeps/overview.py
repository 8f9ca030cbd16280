"""Writes a sweep's overview: results.csv and sweep.html, a self-contained page.

Both are rewritten after every job, so a running sweep can be inspected, and a killed one shows how
far it came.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mdexp.records import VALIDATION
from mdexp.store.files import write_text
from mdexp.store.run_folder import MANIFEST
from mdexp.sweeps import jobs
from mdexp.sweeps.chart import chart
from mdexp.sweeps.curves import sweep_curves
from mdexp.sweeps.power import detectable_difference
from mdexp.sweeps.seeds import SeedTables

PAGE = "sweep.html"
LOG_LINES = 20
LOGS = (jobs.TRACEBACK, jobs.LOG, "mdexp.log")  # the first that says anything
NO_SEEDS = SeedTables()


def write_overview(
    folder: Path, results: Sequence[jobs.JobResult], seeds: SeedTables = NO_SEEDS
) -> None:
    """Write the table and the page; `seeds` has the tables of jobs that differ only in their
    seed."""
    jobs.write_table(folder / jobs.TABLE, results)
    environment = Environment(
        loader=PackageLoader("mdexp.sweeps"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    columns = jobs.accuracy_columns(results)
    drawn = sweep_curves(results)
    scored = jobs.with_rescored(results)
    overrides = jobs.differing(scored)
    page = environment.get_template(f"{PAGE}.j2").render(
        name=folder.name,
        columns=[(dataset, jobs.column_name(results, dataset, way)) for dataset, way in columns],
        rows=[_row(result, own, columns) for result, own in zip(scored, overrides, strict=True)],
        num_jobs=len(results),
        num_ok=sum(result.state == "ok" for result in results),
        charts=[(curve.title, chart(curve), curve.labels) for curve in drawn],
        sizes=_test_sizes(results),
        seeds=seeds,
        pooled=any(
            point.seeds for curve in drawn for line in curve.lines.values() for point in line
        ),
    )
    write_text(folder / PAGE, page)


def _test_sizes(results: Sequence[jobs.JobResult]) -> list[tuple[str, int, float]]:
    """For each test set: name, number of problems, and the smallest difference that they can
    show."""
    sizes = {
        dataset: way["n"]
        for result in results
        for dataset, phases in result.metrics.items()
        if not dataset.endswith(VALIDATION)
        for way in phases.get("after", {}).values()
    }
    return [(name, n, 100 * detectable_difference(n)) for name, n in sizes.items()]


def _row(
    result: jobs.JobResult, overrides: Sequence[str], columns: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    folder = Path(result.folder)
    report = folder / "report.html"
    return {
        "job": result.job,
        "state": result.state,
        "overrides": overrides,
        "seconds": result.seconds,
        "cost": job_cost(folder),
        "accuracies": [jobs.accuracy(result.metrics, *column) for column in columns],
        "error": result.error,
        "log": log_end(folder) if result.state not in ("ok", "not run") else "",
        "report": str(report.relative_to(jobs.job_folder(folder).parent))
        if report.is_file()
        else "",
    }


def job_cost(folder: Path) -> dict[str, Any]:
    """A job's cost: stages run and found in the store, peak memory, paths of the teacher."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"run": [], "found": [], "memory_mib": None, "paths": None}
    by_state: dict[str, list[str]] = {"run": [], "skipped": []}
    asked = None
    for stage in manifest["stages"]:
        by_state[stage["state"]].append(stage["name"])
        if stage["name"] == "extract" and stage["state"] == "run":
            asked = stage["counts"].get("paths")
    return {
        "run": by_state["run"],
        "found": by_state["skipped"],
        "memory_mib": manifest.get("peak_memory_mib"),
        "paths": asked,
    }


def log_end(folder: Path) -> str:
    """The last lines of the traceback, else of the job's output or log."""
    for name in LOGS:
        file = folder / name
        if file.is_file() and (lines := file.read_text(errors="replace").splitlines()):
            return "\n".join(lines[-LOG_LINES:])
    return ""
