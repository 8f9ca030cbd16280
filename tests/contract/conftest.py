"""Plug-ins as they ship: every yaml of a group of conf/, found by itself."""

from typing import Any

import yaml

from mdexp.commands.run import config_folder
from mdexp.ports.parts import build_part


def names(group: str) -> list[str]:
    return sorted(file.stem for file in (config_folder() / group).glob("*.yaml"))


def place(group: str, name: str) -> str:
    """Where in the configuration a yaml goes, as its first line says."""
    first, _, _ = (config_folder() / group / f"{name}.yaml").read_text().partition("\n")
    assert first.startswith("# @package"), f"{group}/{name}.yaml"
    return first


def plugin(group: str, name: str, **options: Any) -> Any:
    """The component with the defaults of its yaml, but for the given options."""
    return build_part(_options(group, name) | options)


def _options(group: str, name: str) -> dict[str, Any]:
    """What a yaml says, above those that it names as its defaults."""
    own = yaml.safe_load((config_folder() / group / f"{name}.yaml").read_text())
    below = own.pop("defaults", [])
    return {key: value for base in below for key, value in _options(group, base).items()} | own
