"""The mixed objective as one weight per target token.

    L = sum_v share_v * mean_v        (Mixed Distillation, arXiv 2312.10730: λ·L_cot + (1−λ)·L_pot)

with the mean of thought v over all its target tokens of an optimiser step (`normalize: token`), or
over its examples' own means (`example`). Since a weight is known before the step is split, neither
micro-batches nor data-parallel ranks can change the loss: it is a plain weighted sum of
negative log-likelihoods (nats). `shares=None` is the union of ETD (arXiv 2401.11864): one mean over
all examples of the step, whatever their thought.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from mdexp.records import Example

Normalize = Literal["token", "example"]
# Maps a step and its shares to the weight of each example's scored tokens.
Weigh = Callable[[Sequence[Example], Mapping[str, float] | None], Sequence[float]]


def example_weights(
    step: Sequence[Example], shares: Mapping[str, float] | None, normalize: Normalize
) -> list[float]:
    """The weight of each example's target tokens; over all tokens of a step, weights sum to 1.

    ValueError if a thought with a share has no example in the step, since its mean would be 0/0.
    """
    groups = [example.thought if shares is not None else "all" for example in step]
    shares = shares if shares is not None else {"all": 1.0}
    sizes = [example.num_scored if normalize == "token" else 1 for example in step]
    totals = {name: 0 for name, share in shares.items() if share > 0}
    for group, size in zip(groups, sizes, strict=True):
        totals[group] += size
    if missing := [name for name, total in totals.items() if total == 0]:
        raise ValueError(f"no target in this step for {missing}, which have a share of the loss")
    return [
        shares[group] / totals[group] / (example.num_scored if normalize == "example" else 1)
        for group, example in zip(groups, step, strict=True)
    ]
