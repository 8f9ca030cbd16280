"""Keeps a sweep's command in its folder, so that `resume=FOLDER` can run what is left."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdexp.store.files import write_json
from mdexp.sweeps import jobs

PLAN = "sweep.json"
RESUME = "resume="
POINTS = "hydra/sweeper=mdexp_points"  # replaces a sweeper that knew its points beforehand
OPTUNA = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
SEARCH = "hydra_plugins.mdexp_sweeps.search.Search"  # replaces optuna's
BESIDE = ("hydra/launcher=", "hydra.launcher.")  # what may be given beside resume=FOLDER


class SweepError(ValueError):
    """A folder that no sweep can be resumed in; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A command line, its working directory, and the overrides of each job by number; none if the
    sweeper chooses points as it goes."""

    arguments: list[str]
    started_in: str
    points: list[list[str]]
    sweeper: str = "unknown"  # a class; not recorded by earlier versions


def write_sweep(
    folder: Path, arguments: Sequence[str], points: Sequence[Sequence[str]], sweeper: str
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sweep = Sweep(
        arguments=list(arguments),
        started_in=str(Path.cwd()),
        points=[list(point) for point in points],
        sweeper=sweeper,
    )
    write_json(folder / PLAN, sweep)


def read_sweep(folder: Path) -> Sweep:
    try:
        return Sweep(**json.loads((folder / PLAN).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise SweepError(f"resume={folder}: no {PLAN} of a sweep is there") from error


def resumed(arguments: Sequence[str]) -> list[str]:
    """Rewrite a command line with `resume=FOLDER` as the one that started the sweep in FOLDER, with
    that folder and a sweeper that can resume; others are unchanged."""
    folders = [word.removeprefix(RESUME) for word in arguments if word.startswith(RESUME)]
    if not folders:
        return list(arguments)
    beside = [word for word in arguments if not word.startswith(RESUME)]
    if refused := [word for word in beside if not word.startswith(BESIDE)]:
        raise SweepError(
            f"{RESUME}{folders[0]} brings its settings; beside it hydra/launcher= and "
            f"hydra.launcher.* can be given, not {' '.join(refused)}"
        )
    sweep = read_sweep(Path(folders[0]))
    if not sweep.points and sweep.sweeper != OPTUNA:
        raise SweepError(
            f"{RESUME}{folders[0]}: its sweeper ({sweep.sweeper}) found the points as it went, "
            "and only optuna can be told those that are done; give the command again"
        )
    if sweep.started_in != str(Path.cwd()):
        raise SweepError(
            f"{RESUME}{folders[0]}: paths of that sweep start in {sweep.started_in}; "
            "resume it there"
        )
    quoted = folders[0].replace("'", "\\'")
    sweeper = POINTS if sweep.points else f"hydra.sweeper._target_={SEARCH}"
    return [*sweep.arguments, *beside, f"hydra.sweep.dir='{quoted}'", sweeper]


def unfinished(folder: Path, points: Sequence[Sequence[str]]) -> list[jobs.JobResult]:
    """The jobs that still have to run: neither done nor running."""
    results = jobs.collect(folder, points)
    return [result for result in results if result.state not in ("ok", "running")]


def judge_search(folder: Path, sweeper: Mapping[str, Any]) -> None:
    """SweepError if optuna, with these options, cannot continue its search in `folder`."""
    if storage := sweeper["storage"]:
        raise SweepError(
            f"{RESUME}{folder}: the study is kept in hydra.sweeper.storage={storage}; "
            "give the command again to go on with it"
        )
    if "GridSampler" in sweeper["sampler"]["_target_"]:
        raise SweepError(
            f"{RESUME}{folder}: optuna's grid cannot be told which of its points are done; "
            "a sweep without optuna can be resumed: -m lambda=0,0.5,1"
        )
    if running := [r.job for r in jobs.collect(folder, []) if r.state == "running"]:
        raise SweepError(
            f"{RESUME}{folder}: job {running[0]} is still running, and a search needs its result"
        )
