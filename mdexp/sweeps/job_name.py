"""Names a run among the jobs of its sweep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdexp.ports import RunIdentity
from mdexp.store.files import read_json
from mdexp.sweeps.jobs import RESULT
from mdexp.sweeps.sweep_plan import PLAN, read_sweep

MULTIRUN_MARK = "multirun.yaml"  # Hydra writes it into a sweep's folder
NO_NAME = ("hydra", "logger", "store=")  # overrides that do not describe what is run


def identity(folder: Path, config: Mapping[str, Any]) -> RunIdentity:
    """The identity of a run for its logger; `folder` may be that of a sweep's job."""
    return RunIdentity(folder=folder, config=config, group=sweep_of(folder), name=run_name(folder))


def sweep_of(folder: Path) -> str | None:
    """The name of the sweep that a job's folder belongs to, which is the group of its W&B run."""
    sweeps = (parent for parent in folder.absolute().parents if (parent / MULTIRUN_MARK).is_file())
    sweep = next(sweeps, None)
    return sweep.name if sweep else None


def run_name(folder: Path) -> str:
    """The overrides of the job in a folder, without those of NO_NAME and those that all jobs of its
    sweep share; may be empty."""
    if not (folder / RESULT).is_file():
        return ""
    plan = folder.parent / PLAN
    points = read_sweep(folder.parent).points if plan.is_file() else []
    shared = set.intersection(*map(set, points)) if len(points) > 1 else set()
    overrides = read_json(folder / RESULT)["overrides"]
    return " ".join(o for o in overrides if o not in shared and not o.startswith(NO_NAME))
