"""Plans a command line: all of its jobs, validated before the first one starts."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig

from mdexp.config import grid
from mdexp.config.composition import (
    CommandError,
    composed_config,
    open_config,
    parsed_overrides,
    plain_config,
)
from mdexp.config.judging import judge
from mdexp.config.previous_run import run_place
from mdexp.config.settings import Settings
from mdexp.ports import Logger
from mdexp.sweeps.seeds import seeded
from mdexp.sweeps.sweep_plan import SEARCH, judge_search, read_sweep, resumed, unfinished
from mdexp.training.launcher import launched

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
RESUMING = "hydra_plugins.mdexp_sweeps.Points"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """A validated command: where it writes, and the overrides of each job.

    A sweeper that chooses its points as it goes (optuna) has none yet; its jobs are validated in
    turn.
    """

    folder: Path
    multirun: bool
    points: list[list[str]]
    resumes: bool  # a sweep that is resumed: finished jobs are kept
    sweeper: str
    logger: Logger
    placement: list[str]  # overrides that fix the output folder
    jobs: list[Settings]  # the settings of each point


def judged_jobs(argv: Sequence[str]) -> list[Settings]:
    """The settings of each job of a command line; nothing is run."""
    options, _ = arguments_of([latin(argument) for argument in argv])
    with open_config(options):
        return run_plan(options).jobs


def latin(argument: str) -> str:
    """`λ=0.5` as `lambda=0.5`: Hydra's grammar has no Greek letters."""
    return re.sub(r"^([+~]*)λ(?==|$)", r"\1lambda", argument)


def arguments_of(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """A command line's flags and keys, and the arguments for Hydra."""
    arguments = seeded(resumed(arguments))
    options, rest = get_args_parser().parse_known_args(arguments)
    if flags := [argument for argument in rest if argument.startswith("-")]:
        raise CommandError(f"{flags[0]}: no such flag; a key is written without dashes: lambda=0.5")
    # Keys may stand before and after flags, which argparse does not expect.
    options.overrides += rest
    return options, [a for a in arguments if a not in options.overrides] + options.overrides


def run_plan(options: argparse.Namespace) -> RunPlan:
    """Validate every job of the command."""
    given = parsed_overrides(options, options.overrides)
    # An interval has no first value; whether the sweeper accepts it is checked below.
    one = [
        line
        for override in given
        if not grid.is_interval(override)
        for line in grid.values(override)[:1]
    ]
    first = composed_config(options, one)
    multirun = options.multirun or first.hydra.mode == RunMode.MULTIRUN
    if not multirun:
        _refuse_sweep(given, first)
    elif (launch := launched()) and launch.ranks > 1:
        raise CommandError(
            f"-m: {launch.launcher} started {launch.ranks} processes, which train one run "
            "together; start it once for each job of the sweep"
        )
    params = first.hydra.sweeper.get("params") or {}
    swept = [f"{key}={value}" for key, value in params.items()] if multirun else []
    target = first.hydra.sweeper._target_
    resumes = multirun and target in (RESUMING, SEARCH)
    known = not multirun or target in (BASIC_SWEEPER, RESUMING)
    points = grid.points([*parsed_overrides(options, swept), *given]) if known else []
    tasks = [[line for line in point if not line.startswith("hydra")] for point in points]
    to_do = points
    if resumes:
        tasks = read_sweep(Path(first.hydra.sweep.dir)).points
        to_do = _left(first, one, tasks)
    judged = [
        judge(plain_config(composed, point, options.config_dir))
        for point in to_do or [one]
        for composed in [first if point == one else composed_config(options, point)]
    ]
    folder, placement = _placed(first, one, multirun, options.config_dir)
    return RunPlan(
        folder=folder,
        multirun=multirun,
        points=tasks,
        resumes=resumes,
        sweeper=target,
        logger=judged[-1].logger,
        placement=placement,
        jobs=judged,
    )


def _left(first: DictConfig, one: list[str], tasks: list[list[str]]) -> list[list[str]]:
    """The overrides of the jobs of a resumed sweep that still have to run."""
    folder = Path(first.hydra.sweep.dir)
    if first.hydra.sweeper._target_ == SEARCH:
        judge_search(folder, first.hydra.sweeper)
    of_hydra = [line for line in one if line.startswith("hydra")]
    return [[*of_hydra, *result.overrides] for result in unfinished(folder, tasks)]


def _placed(
    first: DictConfig, overrides: list[str], multirun: bool, own: str | None
) -> tuple[Path, list[str]]:
    """The output folder, and the overrides that fix it: Hydra would name another one, since it
    reads the clock again."""
    if multirun:
        folder, key = first.hydra.sweep.dir, "hydra.sweep.dir"
    else:
        earlier = run_place(plain_config(first, overrides, own), overrides) if first.run else None
        folder, key = earlier or first.hydra.run.dir, "hydra.run.dir"
    quoted = str(folder).replace("'", "\\'")
    placement = [f"{key}='{quoted}'"]
    if first.run and not multirun:
        placement.append("hydra.output_subdir=null")  # that run keeps its own Hydra folder
    return Path(folder), placement


def _refuse_sweep(given: Sequence[Override], composed: DictConfig) -> None:
    """Refuse several values, or a file of conf/sweep, without -m."""
    for override in given:
        if override.is_sweep_override():
            raise CommandError(
                f"{override.input_line}: several values are a sweep, which needs -m; "
                "a list is written [a,b], a decimal 0.5"
            )
    if sweep := composed.hydra.runtime.choices.get("sweep"):
        raise CommandError(f"sweep={sweep} needs -m: python -m mdexp.run -m sweep={sweep}")
