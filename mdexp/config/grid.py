"""The points of a grid sweep, as Hydra's own sweeper makes them."""

import itertools
from collections.abc import Sequence

from hydra.core.override_parser.types import Override

from mdexp.config.composition import CommandError


def points(overrides: Sequence[Override]) -> list[list[str]]:
    """The overrides of each job; if a key is given twice, the last counts."""
    by_key = {override.get_key_element(): values(override) for override in overrides}
    return [list(point) for point in itertools.product(*by_key.values())]


def is_interval(override: Override) -> bool:
    return bool(override.is_sweep_override() and not override.is_discrete_sweep())


def values(override: Override) -> list[str]:
    """The override, once for each of its values."""
    if not override.is_sweep_override():
        return [override.input_line or ""]
    if is_interval(override):
        raise CommandError(f"{override.input_line}: give values, a range, a choice or a glob")
    key = override.get_key_element()
    return [f"{key}={value}" for value in override.sweep_string_iterator()]
