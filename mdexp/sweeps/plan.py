"""What a sweep was told, kept in its folder, so that `resume=FOLDER` can run what is left of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mdexp import jobs
from mdexp.artifacts import write_json

PLAN = "sweep.json"
RESUME = "resume="
SWEEPER = "hydra/sweeper=mdexp_points"
BESIDE = ("hydra/launcher=", "hydra.launcher.")  # what may be said beside resume=FOLDER


class SweepError(ValueError):
    """A folder that no sweep can be resumed in; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A command line, where it was given, and the overrides of each of its jobs, by number."""

    arguments: list[str]
    started_in: str
    points: list[list[str]]


def write_sweep(folder: Path, arguments: Sequence[str], points: Sequence[Sequence[str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = [list(point) for point in points]
    sweep = Sweep(arguments=list(arguments), started_in=str(Path.cwd()), points=made)
    write_json(folder / PLAN, sweep)


def read_sweep(folder: Path) -> Sweep:
    try:
        return Sweep(**json.loads((folder / PLAN).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise SweepError(f"resume={folder}: no {PLAN} of a sweep is there") from error


def resumed(arguments: Sequence[str]) -> list[str]:
    """A command line that holds `resume=FOLDER`, as the one that the sweep in FOLDER was started by
    but for its folder and its sweeper; any other as it is."""
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
    if not sweep.points:
        raise SweepError(
            f"{RESUME}{folders[0]}: its sweeper found the points as it went; give the command "
            "again, with hydra.sweeper.storage=sqlite:///study.db to go on with one study"
        )
    if sweep.started_in != str(Path.cwd()):
        raise SweepError(
            f"{RESUME}{folders[0]}: paths of that sweep start in {sweep.started_in}; "
            "resume it there"
        )
    quoted = folders[0].replace("'", "\\'")
    return [*sweep.arguments, *beside, f"hydra.sweep.dir='{quoted}'", SWEEPER]


def unfinished(folder: Path, points: Sequence[Sequence[str]]) -> list[int]:
    """Numbers of the jobs that have to be run: neither done nor under way."""
    results = jobs.collect(folder, points)
    return [result.job for result in results if result.state not in ("ok", "running")]
