"""Compose, judge, run: the one room that knows Hydra.

A command is judged whole, all points of a sweep, before anything slow is imported and before its
first job starts. Then Hydra runs the jobs, so that its launchers and sweepers work. Exit codes: 0,
1 (a job failed), 2 (the command line), 130 and 143 (signals).
"""

import argparse
import itertools
import os
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mdexp import hints, jobs
from mdexp.command import new_command
from mdexp.earlier import earlier_config
from mdexp.settings import Settings, SettingsError, judge
from mdexp.signals import signals_as_exits
from mdexp.usage import group_options, usage

VERSION_BASE = "1.3"
CONFIG_NAME = "config"
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


class CommandError(ValueError):
    """A command line that cannot be run; the message says what is wrong and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A judged command: where it writes, and the overrides of each job.

    A sweeper that finds its points as it goes (optuna) has none yet; its jobs are judged in turn.
    """

    folder: Path
    multirun: bool
    points: list[list[str]]
    placement: list[str]  # overrides that fix the folder, so that it is known here too
    jobs: list[Settings]  # of the points, as they were judged


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; give its exit code."""
    arguments = [_latin(argument) for argument in (sys.argv[1:] if argv is None else argv)]
    try:
        with signals_as_exits(), new_command():
            return _command(arguments)
    except (CommandError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)


def judged_jobs(argv: Sequence[str]) -> list[Settings]:
    """The settings of each job of a command line, none of which is run."""
    options, _ = _arguments([_latin(argument) for argument in argv])
    with _configuration(options):
        return _plan(options).jobs


def config_folder() -> Path:
    """conf/ at the top of a checkout, or within the package where it was installed from a wheel."""
    package = Path(__file__).resolve().parent
    return next(
        folder
        for folder in (package.parent / "conf", package / "conf")
        if (folder / f"{CONFIG_NAME}.yaml").is_file()
    )


def task(composed: DictConfig) -> None:
    """One job, in whatever process a launcher starts it."""
    here = HydraConfig.get()
    output, overrides = Path(here.runtime.output_dir), list(here.overrides.task)

    def work() -> dict[str, Any]:
        config = _config(composed, overrides)
        settings = judge(config)
        from mdexp import experiment  # loads torch, which no config error may wait for

        return experiment.run(settings, Path(settings.run or output), config)

    job = 0 if OmegaConf.is_missing(here.job, "num") else here.job.num
    jobs.attempt(work, job=job, overrides=overrides, folder=output)


def _latin(argument: str) -> str:
    """`λ=0.5` as `lambda=0.5`: Hydra's grammar has no Greek."""
    return re.sub(r"^([+~]*)λ(?==|$)", r"\1lambda", argument)


def _arguments(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """A command line's flags and keys, and the same as Hydra reads it."""
    options, rest = get_args_parser().parse_known_args(arguments)
    if flags := [argument for argument in rest if argument.startswith("-")]:
        raise CommandError(f"{flags[0]}: no such flag; a key is written without dashes: lambda=0.5")
    # Keys may stand before and behind flags, which argparse does not see.
    options.overrides += rest
    return options, [a for a in arguments if a not in options.overrides] + options.overrides


def _command(arguments: list[str]) -> int:
    options, arguments = _arguments(arguments)
    if options.help:
        print(_help(options))
    elif options.hydra_help or options.shell_completion:
        _hydra(arguments)
    elif options.cfg or options.info:
        with _configuration(options):
            _compose(options, [o.input_line or "" for o in _parsed(options, options.overrides)])
        _hydra(arguments)
    else:
        with _configuration(options):
            plan = _plan(options)
        return _run(arguments, plan)
    return 0


def _help(options: argparse.Namespace) -> str:
    config = OmegaConf.load(config_folder() / f"{CONFIG_NAME}.yaml")
    choices = [entry for entry in OmegaConf.select(config, "defaults") if entry != "_self_"]
    defaults = {
        str(group): [chosen] if isinstance(chosen, str) else list(chosen or ())
        for entry in choices
        for group, chosen in entry.items()
    }
    return usage(_options(options), defaults)


def _hydra(arguments: Sequence[str]) -> None:
    """Let Hydra act on a command line. Its own report of errors would hide ours."""
    command = sys.argv
    sys.argv = [command[0], *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    folder = str(config_folder())
    try:
        hydra.main(version_base=VERSION_BASE, config_path=folder, config_name=CONFIG_NAME)(task)()
    except (HydraException, OmegaConfBaseException) as error:
        raise CommandError(_first_line(error)) from error
    finally:
        sys.argv = command


def _run(arguments: Sequence[str], plan: Plan) -> int:
    """Run the jobs; however they end, say what became of each."""
    if plan.multirun:
        jobs.forget(plan.folder)
    try:
        _hydra([*arguments, *plan.placement])
    finally:
        results = jobs.collect(plan.folder, plan.points)
        if plan.multirun and plan.folder.is_dir():
            jobs.write_table(plan.folder / jobs.TABLE, results)
            jobs.print_table(results)
            print(f"results: {plan.folder / jobs.TABLE}")
    return int(any(result.state != "ok" for result in results))


def _configuration(options: argparse.Namespace) -> initialize_config_dir:
    folder = Path(__file__).parent / (options.config_path or config_folder())
    return initialize_config_dir(str(folder), version_base=VERSION_BASE)


def _plan(options: argparse.Namespace) -> Plan:
    """Judge every job of the command."""
    given = _parsed(options, options.overrides)
    one = [line for override in given for line in _values(override)[:1]]
    first = _compose(options, one)
    multirun = options.multirun or first.hydra.mode == RunMode.MULTIRUN
    if not multirun:
        _refuse_sweep(given, first)
    params = first.hydra.sweeper.get("params") or {}
    swept = [f"{key}={value}" for key, value in params.items()] if multirun else []
    known = not multirun or first.hydra.sweeper._target_ == BASIC_SWEEPER
    points = _points([*_parsed(options, swept), *given]) if known else []
    judged = [
        judge(_config(first if point == one else _compose(options, point), point))
        for point in points or [one]
    ]
    tasks = [[line for line in point if not line.startswith("hydra")] for point in points]
    return _placed(first, multirun, tasks, judged)


def _placed(
    first: DictConfig, multirun: bool, points: list[list[str]], judged: list[Settings]
) -> Plan:
    """Fix the output folder: Hydra would make up another one, since it asks for the time again."""
    if multirun:
        folder, key = first.hydra.sweep.dir, "hydra.sweep.dir"
    else:
        folder, key = first.run or first.hydra.run.dir, "hydra.run.dir"
    quoted = str(folder).replace("'", "\\'")
    placement = [f"{key}='{quoted}'"]
    if first.run and not multirun:
        placement.append("hydra.output_subdir=null")  # what that run was told stays as it is
    return Plan(
        folder=Path(folder), multirun=multirun, points=points, placement=placement, jobs=judged
    )


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


def _points(overrides: Sequence[Override]) -> list[list[str]]:
    """The grid that Hydra's own sweeper makes: of one key given twice, the last counts."""
    values = {override.get_key_element(): _values(override) for override in overrides}
    return [list(point) for point in itertools.product(*values.values())]


def _values(override: Override) -> list[str]:
    """The override once for each value that it names."""
    if not override.is_sweep_override():
        return [override.input_line or ""]
    if not override.is_discrete_sweep():
        raise CommandError(f"{override.input_line}: give values, a range, a choice or a glob")
    key = override.get_key_element()
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _config(composed: DictConfig, overrides: Sequence[str]) -> dict[str, Any]:
    """The configuration as plain data; with run=FOLDER, that of the earlier run."""
    composed = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    if missing := sorted(OmegaConf.missing_keys(composed)):
        raise SettingsError({key: f"needs a value: {key}=..." for key in missing})
    try:
        config = OmegaConf.to_container(composed, resolve=True)
    except OmegaConfBaseException as error:
        raise CommandError(_first_line(error)) from error
    assert isinstance(config, dict)
    plain = {str(key): value for key, value in config.items()}
    return earlier_config(plain, overrides) if plain.get("run") else plain


def _parsed(options: argparse.Namespace, overrides: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    parsed = []
    for argument in overrides:
        try:
            parsed += parser.parse_overrides([argument])
        except OverrideParseException as error:
            if "=" not in argument:
                raise CommandError(hints.bare_word(argument, _options(options))) from error
            raise CommandError(f"{argument}: cannot be read: {_first_line(error)}") from error
    return parsed


def _compose(options: argparse.Namespace, overrides: Sequence[str]) -> DictConfig:
    name, lines = options.config_name or CONFIG_NAME, list(overrides)
    if options.config_dir:
        lines.append(f"hydra.searchpath=['file://{Path(options.config_dir).absolute()}']")
    try:
        return compose(config_name=name, overrides=lines, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise CommandError(_explanation(error, options, lines)) from error


def _explanation(error: Exception, options: argparse.Namespace, overrides: Sequence[str]) -> str:
    """What is wrong, in our words: Hydra's advice on a mistyped key is to add it with a `+`."""
    groups, given = _options(options), _parsed(options, overrides)
    for override in given:
        value, group = override.value(), override.key_or_group
        for option in value if isinstance(value, list) else [value]:
            if group in groups and option is not None and str(option) not in groups[group]:
                return hints.unknown_option(group, str(option), groups)
    composable = [o for o in given if o.key_or_group in groups or o.is_hydra_override()]
    try:
        lines = [override.input_line or "" for override in composable]
        base = OmegaConf.to_container(compose(options.config_name or CONFIG_NAME, lines))
    except (HydraException, OmegaConfBaseException):
        return _first_line(error)
    assert isinstance(base, dict)
    known = hints.key_paths({str(key): value for key, value in base.items()})
    for override in given:
        unknown = override.key_or_group not in [*groups, *known]
        if unknown and not (override.is_add() or override.is_hydra_override()):
            return hints.unknown_key(override.key_or_group, known, groups)
    return _first_line(error)


def _options(options: argparse.Namespace) -> dict[str, list[str]]:
    own = [Path(options.config_dir)] if options.config_dir else []
    return group_options([config_folder(), *own])


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
