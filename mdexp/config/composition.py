"""Composes the arguments of a command line to a configuration as plain data, with error messages of
our own."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mdexp.config import hints
from mdexp.config.config_path import CONFIG_NAME, config_folder
from mdexp.config.ood_sets import shipped_names
from mdexp.config.previous_run import earlier_config, run_place
from mdexp.config.settings import SettingsError
from mdexp.config.usage import group_options

VERSION_BASE = "1.3"


class CommandError(ValueError):
    """A command line that cannot be run; the message says what is wrong and what is allowed."""


def open_config(options: argparse.Namespace) -> initialize_config_dir:
    """The context in which the functions below may be called."""
    folder = Path(__file__).parents[1] / (options.config_path or config_folder())
    return initialize_config_dir(str(folder), version_base=VERSION_BASE)


def single_run(
    overrides: Sequence[str], config_dir: str | None = None
) -> tuple[dict[str, Any], Path]:
    """The configuration of one run as plain data, and the folder that it writes to. CommandError.

    `overrides` are the arguments of `mdexp run`, `config_dir` the folder of --config-dir.
    """
    options = get_args_parser().parse_args([])
    options.config_dir = config_dir
    with open_config(options):
        for override in parsed_overrides(options, overrides):
            if override.is_sweep_override():
                raise CommandError(f"{override.input_line}: give one value")
        composed = composed_config(options, overrides)
        config = plain_config(composed, overrides, own=config_dir)
        return config, run_place(config, overrides) or Path(composed.hydra.run.dir)


def own_folder(here: HydraConf) -> str | None:
    """The folder of --config-dir; a job's process knows it only from Hydra's configuration."""
    folders = [s.path for s in here.runtime.config_sources if s.provider == "command-line"]
    return folders[0] if folders else None


def plain_config(composed: DictConfig, overrides: Sequence[str], own: str | None) -> dict[str, Any]:
    """The configuration as plain data; with run=FOLDER, that of the earlier run. `own` is the
    folder of --config-dir."""
    composed = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    if missing := sorted(OmegaConf.missing_keys(composed)):
        raise SettingsError({key: f"needs a value: {key}=..." for key in missing})
    try:
        config = OmegaConf.to_container(composed, resolve=True)
    except OmegaConfBaseException as error:
        raise CommandError(first_line(error)) from error
    assert isinstance(config, dict)
    plain = {str(key): value for key, value in config.items()}
    _refuse_another_revision(plain.get("student"))
    if own:
        _bring_own_test_sets(plain, own)
    return earlier_config(plain, overrides) if plain.get("run") else plain


def _refuse_another_revision(student: Any) -> None:
    """SettingsError for a repository combined with the revision that one of mdexp's yaml files pins
    for another repository."""
    if not isinstance(student, dict) or not (revision := student.get("revision")):
        return
    pinned = (
        yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        for file in sorted((config_folder() / "student").glob("*.yaml"))
    )
    others = {one["repo"] for one in pinned if one.get("revision") == revision}
    if others and student.get("repo") not in others:
        raise SettingsError(
            {
                "student.revision": f"{revision[:12]} is of {min(others)}, not of "
                f"{student.get('repo')}: give student.revision=COMMIT, or main for the newest"
            }
        )


def _bring_own_test_sets(config: dict[str, Any], own: str) -> None:
    """In dataset.ood and dataset.sets, `{name: options}` for each dataset of the folder `own`: a
    run's settings are read again without that folder."""
    dataset = config.get("dataset")
    if not isinstance(dataset, dict):
        return  # validated later
    names = {file.stem for file in Path(own).glob("dataset/*.yaml")} - set(shipped_names())
    for key in ("ood", "sets"):
        if isinstance(dataset.get(key), list):
            dataset[key] = [
                {name: _own_dataset(name, own, key)}
                if isinstance(name, str) and name in names
                else name
                for name in dataset[key]
            ]


def _own_dataset(name: str, own: str, key: str) -> Any:
    try:
        composed = compose(CONFIG_NAME, [f"dataset={name}", _searched(own)])
        return OmegaConf.to_container(composed.dataset, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise CommandError(f"dataset.{key}: {name}: {first_line(error)}") from error
    except yaml.YAMLError as error:
        raise CommandError(_no_yaml(error)) from error


def _searched(own: str) -> str:
    return f"hydra.searchpath=['file://{Path(own).absolute()}']"


def parsed_overrides(options: argparse.Namespace, overrides: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    parsed = []
    for argument in overrides:
        try:
            parsed += parser.parse_overrides([argument])
        except OverrideParseException as error:
            if "=" not in argument:
                raise CommandError(hints.bare_word(argument, group_names(options))) from error
            raise CommandError(f"{argument}: cannot be read: {first_line(error)}") from error
    return parsed


def composed_config(options: argparse.Namespace, overrides: Sequence[str]) -> DictConfig:
    name, lines = options.config_name or CONFIG_NAME, list(overrides)
    if options.config_dir:
        _refuse_hidden(Path(options.config_dir))
        lines.append(_searched(options.config_dir))
    try:
        return compose(config_name=name, overrides=lines, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise CommandError(_explanation(error, options, lines)) from error
    except yaml.YAMLError as error:
        raise CommandError(_no_yaml(error)) from error


def _refuse_hidden(own: Path) -> None:
    """CommandError for a file of the user's that would never be read, since conf/ has one of the
    same name."""
    if own.resolve() == config_folder().resolve():
        return
    names = [file.relative_to(own) for file in sorted(own.glob("*/*.yaml"))]
    if hidden := [name for name in names if (config_folder() / name).is_file()]:
        raise CommandError(
            f"{own / hidden[0]}: mdexp already has {hidden[0].parent}={hidden[0].stem} and would "
            "use that; rename this file"
        )


def _no_yaml(error: yaml.YAMLError) -> str:
    """Which file and line is not valid YAML, and why."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"not YAML: {first_line(error)}"
    mark = error.problem_mark
    return (
        f"{mark.name}:{mark.line + 1}: not YAML at column {mark.column + 1}: {error.problem}; "
        "a text with a colon needs quotes"
    )


def group_names(options: argparse.Namespace) -> dict[str, list[str]]:
    return group_options(_folders(options))


def _folders(options: argparse.Namespace) -> list[Path]:
    own = [Path(options.config_dir)] if options.config_dir else []
    return [config_folder(), *own]


def _options_with(key: str, options: argparse.Namespace) -> list[str]:
    """The options of the key's group, such as teacher=openai, whose own file has the key, or a key
    above it that may hold any."""
    group, _, rest = key.partition(".")
    above = rest.partition(".")[0] if key.startswith(hints.HOLDERS) else rest
    found = []
    for folder in _folders(options):
        for file in sorted((folder / group).glob("*.yaml")):
            try:
                there = yaml.safe_load(file.read_text(encoding="utf-8"))
            except (yaml.YAMLError, UnicodeError):
                continue  # choosing it says so
            if isinstance(there, dict) and {rest, above} & set(hints.key_paths(there)):
                found.append(f"{group}={file.stem}")
    return found


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _explanation(error: Exception, options: argparse.Namespace, overrides: Sequence[str]) -> str:
    """What is wrong, in a sentence of our own: Hydra's advice for a mistyped key is to add it with
    a `+`."""
    groups, given = group_names(options), parsed_overrides(options, overrides)
    for override in given:
        value, group = override.value(), override.key_or_group
        for option in value if isinstance(value, list) else [value]:
            if group in groups and option is not None and str(option) not in groups[group]:
                return hints.unknown_option(group, str(option), groups)
    composable = [o for o in given if o.key_or_group in groups or o.is_hydra_override()]
    if hint := hints.missing_plugin(str(error)):
        return hint
    try:
        lines = [override.input_line or "" for override in composable]
        base = OmegaConf.to_container(compose(options.config_name or CONFIG_NAME, lines))
    except (HydraException, OmegaConfBaseException):
        return first_line(error)
    assert isinstance(base, dict)
    known = hints.key_paths({str(key): value for key, value in base.items()})
    for override in given:
        unknown = override.key_or_group not in [*groups, *known]
        if unknown and not (override.is_add() or override.is_hydra_override()):
            homes = _options_with(override.key_or_group, options)
            return hints.unknown_key(override.key_or_group, known, groups, homes)
    return first_line(error)
