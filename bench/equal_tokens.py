"""What a way to spend tokens reaches at a budget that lies between two of its sizes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Spend(NamedTuple):
    """One size of a way to answer, such as a vote of 3 paths."""

    tokens: float  # mean over problems
    values: NDArray[np.float64]  # of each problem, the chance of a right answer


def at_budget(sizes: Sequence[Spend], tokens: float) -> Spend:
    """The way at a mean of so many tokens: each problem gets the dearer of two neighbouring sizes
    with the chance that makes the mean meet the budget. `sizes` are in order of their tokens.
    ValueError where they do not reach the budget."""
    if not sizes[0].tokens <= tokens <= sizes[-1].tokens:
        raise ValueError(
            f"a budget of {tokens:.1f} tokens is not within {sizes[0].tokens:.1f} to "
            f"{sizes[-1].tokens:.1f}"
        )
    above = next(n for n, size in enumerate(sizes) if size.tokens >= tokens)
    if sizes[above].tokens == tokens:
        return sizes[above]
    cheap, dear = sizes[above - 1], sizes[above]
    chance = (tokens - cheap.tokens) / (dear.tokens - cheap.tokens)
    return Spend(tokens, (1 - chance) * cheap.values + chance * dear.values)
