"""Writes the objective as a formula with its numbers, since the paper does not say which thought λ
weighs."""

from collections.abc import Mapping
from typing import Any, cast

from mdexp.config.earlier_parts import as_part
from mdexp.ports import Objective
from mdexp.ports.parts import build_part


def formula(settings: Mapping[str, Any]) -> str:
    """The formula, such as `L = 0.3 L_cot + 0.7 L_pot`, with what each mean is over; empty without
    an objective."""
    options = settings.get("objective") or {}
    if not options:
        return ""
    objective = cast(Objective, build_part(as_part("objective", options)))
    return objective.formula(list(settings.get("thoughts", {})), settings.get("lambda"))
