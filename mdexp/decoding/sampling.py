"""Chooses the next token: the most likely one, or a sample determined by one uniform number.

A number is a function of its (seed, problem, thought, sample) and step alone, so it depends on no
batch, and a sample is the inverse of the cumulative distribution there.
"""

import hashlib
import math
from functools import partial

import torch
from torch import Tensor

GREEDY = -1.0  # in the place of a uniform number
BELOW_ONE = 1 - 2**-24  # the largest float32 below 1
BLOCK = 256  # tokens whose weights are summed before they are looked at one by one
FEW = BLOCK  # tokens that nearly always hold the nucleus
CACHED = 2**19  # logits worked on at a time, so that they stay in a processor's cache
LOG2_E = math.log2(math.e)


def uniform(stream: str, step: int) -> float:
    """The number in [0, 1) of a step of a stream, from 53 bits of its hash."""
    digest = hashlib.blake2b(f"{stream}/{step}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def choose(
    logits: Tensor, uniforms: Tensor, *, temperature: float, top_p: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Next tokens and their log-probabilities (nats, of the student as it is: temperature 1), both
    (rows, draws), from logits (rows, vocabulary) and `uniforms` (rows, draws).

    The likeliest token where `uniforms` are GREEDY, else the one at that place of the cumulative
    distribution at `temperature`, among the likeliest tokens that together reach `top_p`.
    """
    on_cpu = logits.device.type == "cpu"
    size = max(1, CACHED // logits.shape[1]) if on_cpu else len(logits)
    parts = [
        _choose(few, places, temperature, top_p)
        for few, places in zip(logits.split(size), uniforms.split(size), strict=True)
    ]
    tokens, logprobs = zip(*parts, strict=True)
    return torch.cat(tokens), torch.cat(logprobs)


def _choose(
    logits: Tensor, uniforms: Tensor, temperature: float, top_p: float
) -> tuple[Tensor, Tensor]:
    bits = _in_whole_blocks(logits)
    bits -= bits.amax(-1, keepdim=True)
    bits *= LOG2_E  # the logits as powers of 2: exp2 takes a third of the time of exp
    greedy = uniforms < 0
    if greedy.all():
        tokens = bits.argmax(-1, keepdim=True).expand(greedy.shape)
    else:
        weights = (bits / temperature).exp2_()
        draw = _at if top_p == 1 else partial(_within_nucleus, top_p=top_p)
        tokens = draw(weights, uniforms.to(bits))
        some = greedy.any(1)
        likeliest = bits[some].argmax(-1, keepdim=True)  # slow over all rows
        tokens[some] = torch.where(greedy[some], likeliest, tokens[some])
    own = bits.gather(1, tokens)
    return tokens, (own - bits.exp2_().sum(-1, keepdim=True).log2()) / LOG2_E


def _in_whole_blocks(logits: Tensor) -> Tensor:
    """A copy in float32 at least, with tokens that are never drawn up to a multiple of BLOCK."""
    rows, vocabulary = logits.shape
    dtype = torch.promote_types(logits.dtype, torch.float32)
    whole = -(-vocabulary // BLOCK) * BLOCK
    copy = logits.new_empty(rows, whole, dtype=dtype)
    copy[:, :vocabulary] = logits
    copy[:, vocabulary:] = -torch.inf
    return copy


def _at(weights: Tensor, uniforms: Tensor) -> Tensor:
    """The indices in each row (rows, n) where the cumulative weight passes those shares of the row.

    First the block is sought, then the token in it: sums over a whole vocabulary take long.
    """
    blocks = weights.view(len(weights), -1, BLOCK)
    sums = blocks.sum(-1)
    cumulative = sums.cumsum(-1)
    # A number that float32 rounds to 1 lies behind the last token that has any probability.
    place = uniforms.clamp(0, BELOW_ONE) * cumulative[:, -1:]
    block = torch.searchsorted(cumulative, place, right=True)
    rest = place - (cumulative - sums).gather(1, block)
    inside = blocks.gather(1, block[:, :, None].expand(-1, -1, BLOCK)).cumsum(-1)
    rest = torch.minimum(rest[:, :, None], inside[:, :, -1:] * BELOW_ONE)  # rounding: may be behind
    return block * BLOCK + torch.searchsorted(inside, rest, right=True).squeeze(2)


def _within_nucleus(weights: Tensor, uniforms: Tensor, top_p: float) -> Tensor:
    """As `_at`, in order of weight, among the fewest tokens of a row that reach `top_p` of it."""
    wanted = top_p * weights.sum(-1, keepdim=True)
    count = FEW
    while True:
        likeliest, index = weights.topk(count, sorted=True)
        reached = likeliest.cumsum(-1)
        if count == weights.shape[1] or bool((reached[:, -1:] >= wanted).all()):
            break
        count = min(4 * count, weights.shape[1])
    inside = reached - likeliest < wanted  # the token that crosses is in
    return index.gather(1, _at(likeliest * inside, uniforms))
