"""Builds plug-ins from their dotted path, `_target_: mdexp.<package>.<module>.<Class>`, and fields.

Only targets in this package and in those that MDEXP_PARTS names (`mine,theirs`) are built: a
configuration is data and must not be able to call anything that happens to be installed.
"""

import importlib
import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from mdexp.ports import PLUGIN_API

TARGET = "_target_"
PACKAGE = "mdexp."
PARTS = "MDEXP_PARTS"  # names further packages; launchers pass it on


class ComponentError(ValueError):
    """A component that cannot be built; the message says what is wrong with its target."""


def build_part(options: object) -> BaseModel:
    """The component that `options` describe. ComponentError without a usable target; pydantic's
    ValidationError, with relative paths, if a field does not fit."""
    if not isinstance(options, Mapping):
        raise ComponentError(f"needs a mapping with {TARGET}, got {options!r}")
    fields = {key: value for key, value in options.items() if key != TARGET}
    return component_class(options.get(TARGET)).model_validate(fields)


def built(options: object) -> object:
    """The component that `options` describe; a component that is already built is returned
    unchanged."""
    return build_part(options) if isinstance(options, Mapping) else options


def described(component: Any) -> dict[str, Any]:
    """The options from which a component was built."""
    kind = f"{type(component).__module__}.{type(component).__qualname__}"
    return {TARGET: kind} | component.model_dump()


def with_options(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A part's options, overridden by others; single options of a nested part may be given."""
    options = {**defaults, **own}
    for key, inner in defaults.items():
        given = own.get(key)
        is_part = isinstance(inner, Mapping) and TARGET in inner
        if is_part and isinstance(given, Mapping) and TARGET not in given:
            options[key] = with_options(inner, given)
    return options


def component_class(target: object) -> type[BaseModel]:
    """The class of a dotted path; ComponentError if there is none."""
    own = tuple(f"{name.strip()}." for name in os.environ.get(PARTS, "").split(",") if name.strip())
    if not isinstance(target, str) or not target.startswith((PACKAGE, *own)):
        raise ComponentError(
            f"{TARGET} must start with {PACKAGE!r}, got {target!r}; a package of your own is "
            f"allowed by naming it in {PARTS}"
        )
    module_name, _, class_name = target.rpartition(".")
    try:
        found: Any = getattr(importlib.import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        raise ComponentError(f"{TARGET}={target}: no module named {error.name}") from error
    except AttributeError as error:
        raise ComponentError(f"{TARGET}={target}: {module_name} has no {class_name}") from error
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise ComponentError(f"{TARGET}={target} is no pydantic model")
    if (version := getattr(found, "plugin_api", PLUGIN_API)) != PLUGIN_API:
        raise ComponentError(
            f"{TARGET}={target} was written for version {version} of the plug-in API, this is "
            f"{PLUGIN_API}; CHANGELOG.md says what changed"
        )
    return found
