"""Compose, judge, run: the one room that knows Hydra.

A command is judged whole, all points of a sweep, before anything slow is imported and before its
first job starts. Then Hydra runs the jobs, so that its launchers and sweepers work. Exit codes: 0,
1 (a job failed), 2 (the command line), 130 and 143 (signals).
"""

import argparse
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mdexp.commands.printable import print_error
from mdexp.commands.recorded_job import run_job
from mdexp.commands.signals import signals_as_exits
from mdexp.config import grid
from mdexp.config.composition import (
    VERSION_BASE,
    CommandError,
    composed_config,
    first_line,
    group_names,
    open_config,
    own_folder,
    parsed_overrides,
    plain_config,
)
from mdexp.config.config_path import CONFIG_NAME, config_folder
from mdexp.config.previous_run import run_place
from mdexp.config.settings import Settings, SettingsError, judge
from mdexp.config.usage import default_options, usage
from mdexp.ports import Logger
from mdexp.sweeps import jobs
from mdexp.sweeps.job_name import identity
from mdexp.sweeps.overview import PAGE, write_overview
from mdexp.sweeps.seeds import SeedTables, print_seeds, seeded
from mdexp.sweeps.sweep_plan import (
    PLAN,
    SEARCH,
    SweepError,
    judge_search,
    read_sweep,
    resumed,
    unfinished,
    write_sweep,
)
from mdexp.teacher.command_id import new_command

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
RESUMING = "hydra_plugins.mdexp_sweeps.Points"
POLL_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A judged command: where it writes, and the overrides of each job.

    A sweeper that finds its points as it goes (optuna) has none yet; its jobs are judged in turn.
    """

    folder: Path
    multirun: bool
    points: list[list[str]]
    resumes: bool  # a sweep that was begun before: what is done there stays
    sweeper: str
    logger: Logger
    placement: list[str]  # overrides that fix the folder, so that it is known here too
    jobs: list[Settings]  # of the points, as they were judged


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; give its exit code."""
    arguments = [_latin(argument) for argument in (sys.argv[1:] if argv is None else argv)]
    try:
        _refuse_torchrun()
        with signals_as_exits(), new_command():
            return _command(arguments)
    except (CommandError, SettingsError, SweepError) as error:
        print_error(error)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)


def _refuse_torchrun() -> None:
    """CommandError if torchrun started several of this command: each would start ranks, and wait
    for ever at the port that torchrun holds."""
    processes = os.environ.get("WORLD_SIZE", "1")
    if "TORCHELASTIC_RUN_ID" in os.environ and processes != "1":
        raise CommandError(
            f"torchrun started {processes} of this command, and it starts its ranks itself, on one "
            "machine: run it without torchrun, with trainer=ddp trainer.devices=N"
        )


def run_judged(arguments: Sequence[str]) -> int:
    """Run one job of a sweep, which was judged as a whole; give its exit code."""
    try:
        with signals_as_exits():
            _hydra(arguments)
    except CommandError as error:
        print_error(error)
        return 2
    return 0


def judged_jobs(argv: Sequence[str]) -> list[Settings]:
    """The settings of each job of a command line, none of which is run."""
    options, _ = _arguments([_latin(argument) for argument in argv])
    with open_config(options):
        return _plan(options).jobs


def task(composed: DictConfig) -> float | None:
    """One job, in whatever process a launcher starts it; what a sweeper may maximise."""
    here = HydraConfig.get()
    output, overrides = Path(here.runtime.output_dir), list(here.overrides.task)

    written = [output]

    def work() -> dict[str, Any]:
        config = plain_config(composed, overrides, own_folder(here))
        settings = judge(config)
        from mdexp import experiment  # loads torch, which no config error may wait for

        run = identity(run_place(config, overrides) or output, config)
        written.append(run.folder)
        return experiment.run_experiment(settings, run)

    result = run_job(work, job=_number(here, output), overrides=overrides, folder=output)
    for sweep in dict.fromkeys(jobs.job_folder(folder).parent for folder in written):
        if (sweep / PLAN).is_file():  # as it is now, for those who look, or if we are killed
            write_overview(sweep, jobs.collect(sweep, read_sweep(sweep).points))
    return jobs.validation_accuracy(result.metrics)


def _number(here: HydraConf, output: Path) -> int:
    """A sweep's job has its number for a folder; the launcher of a resumed one counts afresh."""
    if OmegaConf.is_missing(here.job, "num"):
        return 0
    return int(output.name) if output.name.isdecimal() else int(here.job.num)


def _latin(argument: str) -> str:
    """`λ=0.5` as `lambda=0.5`: Hydra's grammar has no Greek."""
    return re.sub(r"^([+~]*)λ(?==|$)", r"\1lambda", argument)


def _arguments(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """A command line's flags and keys, and the same as Hydra reads it."""
    arguments = seeded(resumed(arguments))
    options, rest = get_args_parser().parse_known_args(arguments)
    if flags := [argument for argument in rest if argument.startswith("-")]:
        raise CommandError(f"{flags[0]}: no such flag; a key is written without dashes: lambda=0.5")
    # Keys may stand before and behind flags, which argparse does not see.
    options.overrides += rest
    return options, [a for a in arguments if a not in options.overrides] + options.overrides


def _command(arguments: list[str]) -> int:
    options, arguments = _arguments(arguments)
    if options.help:
        print(usage(group_names(options), default_options()))
    elif options.hydra_help or options.shell_completion:
        _hydra(arguments)
    elif options.cfg or options.info:
        with open_config(options):
            composed_config(
                options, [o.input_line or "" for o in parsed_overrides(options, options.overrides)]
            )
        _hydra(arguments)
    else:
        with open_config(options):
            plan = _plan(options)
        return _run(arguments, plan)
    return 0


def _hydra(arguments: Sequence[str]) -> None:
    """Let Hydra act on a command line. Its own report of errors would hide ours."""
    command = sys.argv
    sys.argv = [command[0], *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    folder = str(config_folder())
    try:
        hydra.main(version_base=VERSION_BASE, config_path=folder, config_name=CONFIG_NAME)(task)()
    except (HydraException, OmegaConfBaseException) as error:
        raise CommandError(first_line(error)) from error
    finally:
        sys.argv = command


def _run(arguments: Sequence[str], plan: Plan) -> int:
    """Run the jobs; however they end, say what became of each."""
    if plan.multirun and not plan.resumes:
        jobs.forget(plan.folder)
        write_sweep(plan.folder, arguments, plan.points, plan.sweeper)
    try:
        _hydra([*arguments, *plan.placement])
    except Exception as error:
        if not plan.multirun or isinstance(error, CommandError):
            raise
        # The launcher's own: one of its processes died. The others may be under way still.
        print_error(f"{type(error).__name__}: {first_line(error)}")
        while any(r.state == "running" for r in jobs.collect(plan.folder, plan.points)):
            time.sleep(POLL_S)
    finally:
        results = jobs.collect(plan.folder, plan.points)
        if plan.multirun and plan.folder.is_dir():
            seeds = _seeds_together(results)
            write_overview(plan.folder, results, seeds)
            jobs.print_table(results)
            print_seeds(seeds)
            print(f"results: {plan.folder / jobs.TABLE}, {plan.folder / PAGE}")
    if plan.multirun:
        _track(plan, results)
    return jobs.exit_code(results)


def _seeds_together(results: Sequence[jobs.JobResult]) -> SeedTables:
    from mdexp.commands.seed_tables import seed_tables  # numpy

    return seed_tables(results)


def _track(plan: Plan, results: Sequence[jobs.JobResult]) -> None:
    """The curves of a sweep, beside its jobs."""
    from mdexp.sweeps.curves import curve_rows
    from mdexp.tracking.feeds import trouble_said

    with trouble_said(type(plan.logger).__name__):
        plan.logger.log_sweep(plan.folder, plan.folder / PAGE, curve_rows(results))


def _plan(options: argparse.Namespace) -> Plan:
    """Judge every job of the command."""
    given = parsed_overrides(options, options.overrides)
    # An interval has no first value; whether its sweeper takes one is seen below.
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
    return Plan(
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
    """Of a resumed sweep, the jobs that have to be run, as overrides."""
    folder = Path(first.hydra.sweep.dir)
    if first.hydra.sweeper._target_ == SEARCH:
        judge_search(folder, first.hydra.sweeper)
    of_hydra = [line for line in one if line.startswith("hydra")]
    return [[*of_hydra, *result.overrides] for result in unfinished(folder, tasks)]


def _placed(
    first: DictConfig, overrides: list[str], multirun: bool, own: str | None
) -> tuple[Path, list[str]]:
    """The output folder, and the overrides that fix it: Hydra would make up another one, since it
    asks for the time again."""
    if multirun:
        folder, key = first.hydra.sweep.dir, "hydra.sweep.dir"
    else:
        earlier = run_place(plain_config(first, overrides, own), overrides) if first.run else None
        folder, key = earlier or first.hydra.run.dir, "hydra.run.dir"
    quoted = str(folder).replace("'", "\\'")
    placement = [f"{key}='{quoted}'"]
    if first.run and not multirun:
        placement.append("hydra.output_subdir=null")  # the settings of that run stay as they are
    return Path(folder), placement


def _refuse_sweep(given: Sequence[Override], composed: DictConfig) -> None:
    """Several values, or a file of conf/sweep, mean nothing without -m."""
    for override in given:
        if override.is_sweep_override():
            raise CommandError(
                f"{override.input_line}: several values are a sweep, which needs -m; "
                "a list is written [a,b], a decimal 0.5"
            )
    if sweep := composed.hydra.runtime.choices.get("sweep"):
        raise CommandError(f"sweep={sweep} needs -m: python -m mdexp.run -m sweep={sweep}")
