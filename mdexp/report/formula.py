"""The objective as a formula with its numbers: the paper does not say which thought λ weighs."""

from collections.abc import Mapping
from typing import Any

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
    match objective["name"]:
        case "union":
            return f"L = one {mean}, over the targets of {', '.join(thoughts)} together"
        case "dual":
            weighed, lam = objective["lambda_thought"], settings["lambda"]
            shares = {thought: lam if thought == weighed else 1 - lam for thought in thoughts}
            symbols = {thought: "λ" if thought == weighed else "(1−λ)" for thought in thoughts}
            general = " + ".join(f"{symbols[thought]} L_{thought}" for thought in thoughts)
            return f"L = {general} = {_sum(shares)}, each L the {mean}"
        case _:
            shares = objective["weights"] or dict.fromkeys(thoughts, 1 / len(thoughts))
            return f"L = {_sum(shares)}, each L the {mean}"


def _sum(shares: Mapping[str, float]) -> str:
    return " + ".join(f"{round(share, 6):g} L_{thought}" for thought, share in shares.items())
