"""Flattens metrics.json, which is nested by test set, phase and way to answer."""

from collections.abc import Mapping
from typing import Any


def metric_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per dataset, phase and way to answer."""
    return [
        {"dataset": dataset, "phase": phase, "way": way, **flat(measured)}
        for dataset, phases in metrics.items()
        for phase, ways in phases.items()
        for way, measured in ways.items()
        if isinstance(measured, Mapping)
    ]


def flat(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested metrics by dotted name; the ends of an interval are `.low` and `.high`."""
    leaves: dict[str, Any] = {}
    for name, value in metrics.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            leaves |= flat(value, f"{key}.")
        elif name == "ci95":
            leaves[f"{key}.low"], leaves[f"{key}.high"] = value
        else:
            leaves[key] = value
    return leaves
