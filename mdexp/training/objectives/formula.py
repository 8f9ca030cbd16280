"""What several objectives say: the words and symbols of a formula, and of a fault."""

from collections.abc import Mapping

MEANS = {
    "token": "mean over all target tokens of a step",
    "example": "mean over a step's targets, each first averaged over its tokens",
}


def ignored_lambda(name: str, lam: float) -> str:
    """The fault of a configuration that has a λ for an objective without one."""
    return (
        f"lambda={lam} would be ignored: objective={name} reads no lambda; drop it or choose "
        "objective=dual"
    )


def weighted_sum(shares: Mapping[str, float]) -> str:
    """Such as `0.3 L_cot + 0.7 L_pot`."""
    return " + ".join(f"{round(share, 6):g} L_{thought}" for thought, share in shares.items())
