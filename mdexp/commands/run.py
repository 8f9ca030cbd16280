"""Run a command line, `mdexp run`: a run or a sweep.

All jobs of a command are validated before anything slow is imported and before the first job
starts. Then Hydra runs the jobs, so that its launchers and sweepers work. Exit codes: 0, 1 (a job
failed), 2 (the command line, or the settings or data of all failed jobs), 130 and 143 (signals).
"""

import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.printable import print_error
from mdexp.commands.recorded_job import run_job
from mdexp.commands.run_plan import RunPlan, arguments_of, latin, run_plan
from mdexp.commands.signals import signals_as_exits
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
from mdexp.config.judging import judge
from mdexp.config.previous_run import run_place
from mdexp.config.settings import SettingsError
from mdexp.config.usage import default_options, usage
from mdexp.ports.logger import trouble_said
from mdexp.store.environment import VERSION
from mdexp.sweeps import jobs
from mdexp.sweeps.job_name import identity
from mdexp.sweeps.overview import PAGE, write_overview
from mdexp.sweeps.seeds import SeedTables, print_seeds
from mdexp.sweeps.sweep_plan import (
    PLAN,
    SweepError,
    read_sweep,
    write_sweep,
)
from mdexp.teacher.command_id import new_command
from mdexp.training.launcher import launched

log = logging.getLogger(__name__)
POLL_S = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return its exit code."""
    arguments = [latin(argument) for argument in (sys.argv[1:] if argv is None else argv)]
    launch = launched()
    if launch is None or launch.ranks == 1:
        return _main(arguments)
    from mdexp.training.launched_ranks import on_all_ranks  # loads torch

    return on_all_ranks(launch, lambda: _main(arguments))


def _main(arguments: list[str]) -> int:
    with new_command():
        return as_exit_code(
            lambda: _command(arguments), refused=(CommandError, SettingsError, SweepError)
        )


def run_judged(arguments: Sequence[str]) -> int:
    """Run one job of a sweep that was validated already; return its exit code."""
    try:
        with signals_as_exits():
            _hydra(arguments)
    except CommandError as error:
        print_error(error)
        return 2
    return 0


def task(composed: DictConfig) -> float | None:
    """Run one job, in whichever process a launcher starts it; returns the value that a sweeper may
    maximise."""
    here = HydraConfig.get()
    output, overrides = Path(here.runtime.output_dir), list(here.overrides.task)

    written = [output]

    def work() -> dict[str, Any]:
        config = plain_config(composed, overrides, own_folder(here))
        settings = judge(config)
        # It loads torch, and configuration errors must come before that.
        from mdexp.experiment import run_experiment

        run = identity(run_place(config, overrides) or output, config)
        written.append(run.folder)
        return run_experiment(settings, run)

    in_sweep = not OmegaConf.is_missing(here.job, "num")
    number = _number(here, output)
    if in_sweep:
        log.info("job %d (%s): started", number, " ".join(overrides) or "defaults")
    result = run_job(work, job=number, overrides=overrides, folder=output, in_sweep=in_sweep)
    for sweep in dict.fromkeys(jobs.job_folder(folder).parent for folder in written):
        if (sweep / PLAN).is_file():  # in case the process is killed
            write_overview(sweep, jobs.collect(sweep, read_sweep(sweep).points))
    return jobs.validation_accuracy(result.metrics)


def _number(here: HydraConf, output: Path) -> int:
    """The job's number, from its folder: the launcher of a resumed sweep renumbers jobs from 0."""
    if OmegaConf.is_missing(here.job, "num"):
        return 0
    return int(output.name) if output.name.isdecimal() else int(here.job.num)


def _command(arguments: list[str]) -> int:
    if "--version" in arguments:
        print(f"mdexp {VERSION}")
        return 0
    options, arguments = arguments_of(arguments)
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
            plan = run_plan(options)
        return _run(arguments, plan)
    return 0


def _hydra(arguments: Sequence[str]) -> None:
    """Let Hydra run a command line, without its own error report, which would hide ours."""
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


def _run(arguments: Sequence[str], plan: RunPlan) -> int:
    """Run the jobs; however they end, report the outcome of each."""
    if plan.multirun and not plan.resumes:
        jobs.forget(plan.folder)
        write_sweep(plan.folder, arguments, plan.points, plan.sweeper)
    try:
        _hydra([*arguments, *plan.placement])
    except Exception as error:
        if not plan.multirun or isinstance(error, CommandError):
            raise
        # An error of the launcher: one of its processes died. The others may still be running.
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


def _track(plan: RunPlan, results: Sequence[jobs.JobResult]) -> None:
    """Log the curves of a sweep, in the group of its jobs."""
    from mdexp.sweeps.curves import curve_rows

    with trouble_said(type(plan.logger).__name__):
        plan.logger.log_sweep(plan.folder, plan.folder / PAGE, curve_rows(results))
