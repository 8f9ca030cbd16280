"""Formulas and error messages that several objectives share."""

from collections.abc import Mapping

MEANS = {
    "token": "mean over all target tokens of a step",
    "example": "mean over a step's targets, each first averaged over its tokens",
}


def ignored_lambda(name: str, lam: float) -> str:
    """The error message for a λ that the objective does not use."""
    return (
        f"lambda={lam} would be ignored: objective={name} reads no lambda; drop it or choose "
        "objective=dual"
    )


def weighted_sum(shares: Mapping[str, float]) -> str:
    """A weighted sum, such as `0.3 L_cot + 0.7 L_pot`."""
    return " + ".join(f"{round(share, 6):g} L_{thought}" for thought, share in shares.items())
