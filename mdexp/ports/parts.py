"""Plug-ins named by dotted path: `_target_: mdexp.<package>.<module>.<Class>` and its fields.

Only targets of this package are built, and of those that MDEXP_PARTS names (`mine,theirs`): a
configuration is data, it must not be a way to call anything that happens to be installed.
"""

import importlib
import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from mdexp.ports import PLUGIN_API

TARGET = "_target_"
PACKAGE = "mdexp."
PARTS = "MDEXP_PARTS"  # names of further packages; in the environment, so that launchers pass it on


class ComponentError(ValueError):
    """There is no component to build; the message says what is wrong with its target."""


def build_part(options: object) -> BaseModel:
    """The component that `options` describe. ComponentError without a usable target;
    pydantic's ValidationError, with relative paths, where a field does not fit."""
    if not isinstance(options, Mapping):
        raise ComponentError(f"needs a mapping with {TARGET}, got {options!r}")
    fields = {key: value for key, value in options.items() if key != TARGET}
    return component_class(options.get(TARGET)).model_validate(fields)


def built(options: object) -> object:
    """The component that `options` describe; what is built already is left as it is."""
    return build_part(options) if isinstance(options, Mapping) else options


def described(component: Any) -> dict[str, Any]:
    """The options that a component was built of."""
    kind = f"{type(component).__module__}.{type(component).__qualname__}"
    return {TARGET: kind} | component.model_dump()


def with_options(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a part with some of one's own; of a part within it, single ones may be
    given."""
    options = {**defaults, **own}
    for key, inner in defaults.items():
        if isinstance(inner, Mapping) and TARGET in inner and TARGET not in own.get(key, inner):
            options[key] = with_options(inner, own[key])
    return options


def component_class(target: object) -> type[BaseModel]:
    """The class behind a dotted path; ComponentError where it leads nowhere."""
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
