"""Reads settings of runs from before decoders and objectives were parts with a `_target_`."""

from collections.abc import Mapping
from typing import Any

from mdexp.ports.parts import TARGET

STRAIGHT = "mdexp.decoding.straight.StraightDecoding"
BEAMS = "mdexp.decoding.beams.StepwiseBeams"
OBJECTIVES = {
    "dual": "mdexp.training.objectives.dual.DualObjective",
    "weighted": "mdexp.training.objectives.weighted.WeightedObjective",
    "union": "mdexp.training.objectives.union.UnionObjective",
}
READ_BY = {"lambda_thought": "dual", "weights": "weighted"}  # keys of single objectives


def as_part(name: str, options: object) -> object:
    """The options of the part `name`, with its `_target_` added."""
    if not isinstance(options, Mapping):
        return options
    match name:
        case "decoding":
            return _decoder(options)
        case "objective":
            return _objective(options)
        case _:
            return options


def _decoder(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The decoder that the key `beam` stands for."""
    if options.get(TARGET, STRAIGHT) != STRAIGHT:
        return options
    rest = {key: value for key, value in options.items() if key != "beam"}
    beam = options.get("beam")
    return {**rest, TARGET: BEAMS, "beam": beam} if beam else {**rest, TARGET: STRAIGHT}


def _objective(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The objective that the key `name` stands for; empty keys of other objectives are removed."""
    name = options.get("name")
    if name not in OBJECTIVES:
        return options
    others = {key for key, reader in READ_BY.items() if reader != name and not options.get(key)}
    rest = {key: value for key, value in options.items() if key not in {"name", *others}}
    return {**rest, TARGET: OBJECTIVES[name]}
