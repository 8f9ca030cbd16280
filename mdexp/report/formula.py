"""The objective as a formula with its numbers: the paper does not say which thought λ weighs."""

from collections.abc import Mapping
from typing import Any

from mdexp.config.blocks import ObjectiveSettings

MEANS = {
    "token": "mean over all target tokens of a step",
    "example": "mean over a step's targets, each first averaged over its tokens",
}


def formula(settings: Mapping[str, Any]) -> str:
    """Such as `L = 0.3 L_cot + 0.7 L_pot`, with what each mean is over; empty without objective."""
    objective = settings.get("objective") or {}
    if not objective:
        return ""
    thoughts = list(settings.get("thoughts", {}))
    mean = MEANS[objective["normalize"]]
    shares = ObjectiveSettings(**objective).shares(thoughts, settings.get("lambda"))
    if shares is None:
        return f"L = one {mean}, over the targets of {', '.join(thoughts)} together"
    if weighed := objective["lambda_thought"]:
        symbols = {thought: "λ" if thought == weighed else "(1−λ)" for thought in thoughts}
        general = " + ".join(f"{symbols[thought]} L_{thought}" for thought in thoughts)
        return f"L = {general} = {_sum(shares)}, each L the {mean}"
    return f"L = {_sum(shares)}, each L the {mean}"


def _sum(shares: Mapping[str, float]) -> str:
    return " + ".join(f"{round(share, 6):g} L_{thought}" for thought, share in shares.items())
