"""The next token: the likeliest, or a sample that one uniform number decides.

A number is a function of its (seed, problem, thought, sample) and step alone, so it depends on no
batch, and a sample is the inverse of the cumulative distribution there.
"""

import hashlib
from functools import partial

import torch
from torch import Tensor

GREEDY = -1.0  # in the place of a uniform number
BELOW_ONE = 1 - 2**-24  # the largest float32 below 1
FEW = 256  # tokens that nearly always hold the nucleus


def uniform(stream: str, step: int) -> float:
    """The number in [0, 1) of a step of a stream, from 53 bits of its hash."""
    digest = hashlib.blake2b(f"{stream}/{step}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def choose(
    logits: Tensor, uniforms: Tensor, *, temperature: float, top_p: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Next tokens and their log-probabilities (nats, of the student as it is: temperature 1), both
    (rows,), from logits (rows, vocabulary).

    The likeliest token where `uniforms` are GREEDY, else the one at that place of the cumulative
    distribution at `temperature`, among the likeliest tokens that together reach `top_p`.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    logits = logits - logits.amax(-1, keepdim=True)
    greedy = uniforms < 0
    if greedy.all():
        tokens = logits.argmax(-1)
    else:
        weights = (logits / temperature).exp_()
        draw = _at if top_p == 1 else partial(_within_nucleus, top_p=top_p)
        tokens = draw(weights, uniforms.to(logits))
        tokens[greedy] = logits[greedy].argmax(-1)  # slow over all rows
    own = logits.gather(1, tokens[:, None]).squeeze(1)
    return tokens, own - logits.exp_().sum(-1).log()


def _at(weights: Tensor, uniforms: Tensor) -> Tensor:
    """The index in each row (rows, n) where the cumulative weight passes that share of the row."""
    cumulative = weights.cumsum(-1)
    # A number that float32 rounds to 1 lies behind the last token that has any probability.
    place = uniforms.clamp(0, BELOW_ONE)[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, place, right=True).squeeze(-1)


def _within_nucleus(weights: Tensor, uniforms: Tensor, top_p: float) -> Tensor:
    """As `_at`, in order of weight, among the fewest tokens of a row that reach `top_p` of it."""
    wanted = top_p * weights.sum(-1, keepdim=True)
    count = min(FEW, weights.shape[1])
    while True:
        likeliest, index = weights.topk(count, sorted=True)
        reached = likeliest.cumsum(-1)
        if count == weights.shape[1] or bool((reached[:, -1:] >= wanted).all()):
            break
        count = min(4 * count, weights.shape[1])
    inside = reached - likeliest < wanted  # the token that crosses is in
    return index.gather(1, _at(likeliest * inside, uniforms)[:, None]).squeeze(1)
