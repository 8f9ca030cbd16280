"""The vocabulary head and its cross-entropy, in chunks of bounded memory.

The loss is a weighted sum with weights known beforehand, so that its gradient is known as soon as a
chunk's logits are: it is computed there and then, and the logits are not kept for the backward
pass. Nothing is computed twice.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

LOGITS_AT_ONCE = 2**26  # 128 MiB of them in bfloat16
ROWS_AT_ONCE = 32  # of logits, while they are in the cache
ROW_BUCKET = 64  # every new shape costs a compiled kernel for ever


def head_loss(
    head: nn.Module, hidden: Tensor, labels: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Sum of weights · NLL over rows (differentiable), and the NLL of each (nats, float32)."""
    trained = [parameter for parameter in head.parameters() if parameter.requires_grad]
    loss, nll = _HeadLoss.apply(head, hidden, labels, weights, *trained)
    return loss, nll


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, head: nn.Module, hidden: Tensor, labels: Tensor, weights: Tensor, *trained: Tensor
    ) -> tuple[Tensor, Tensor]:
        wanted = any(ctx.needs_input_grad)
        # In float16 a gradient scaled by a weight of 1e-4 would vanish: by relative weights.
        peak = weights.abs().max().clamp(min=torch.finfo(weights.dtype).tiny)
        nll, of_hidden = torch.empty_like(weights), torch.empty_like(hidden)
        sums: list[Tensor] = []
        for rows in _chunks(head, hidden):
            relative = weights[rows] / peak
            part = _chunk(head, hidden[rows], labels[rows], relative, trained, wanted)
            nll[rows] = part[0]
            if wanted:
                of_hidden[rows] = part[1]
                pairs = zip(sums, part[2:], strict=True) if sums else ()
                sums = [total.add_(more) for total, more in pairs] or part[2:]
        ctx.save_for_backward(of_hidden, peak, *sums)
        ctx.mark_non_differentiable(nll)
        return (nll * weights).sum(), nll

    @staticmethod
    def backward(ctx: Any, of_loss: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        of_hidden, peak, *sums = ctx.saved_tensors
        factor = of_loss * peak
        return None, of_hidden * factor, None, None, *(grad * factor for grad in sums)


def _chunks(head: nn.Module, hidden: Tensor) -> list[slice]:
    vocabulary = max(parameter.shape[0] for parameter in head.parameters())
    size = max(1, LOGITS_AT_ONCE // vocabulary // ROW_BUCKET) * ROW_BUCKET
    return [slice(start, start + size) for start in range(0, len(hidden), size)]


def _chunk(
    head: nn.Module,
    hidden: Tensor,
    labels: Tensor,
    weights: Tensor,
    trained: tuple[Tensor, ...],
    wanted: bool,
) -> list[Tensor]:
    """A chunk's NLLs and, if wanted, gradients of its weighted sum: of hidden, of the head."""
    number = len(hidden)
    empty = math.ceil(number / ROW_BUCKET) * ROW_BUCKET - number
    labels, weights = (nn.functional.pad(each, (0, empty)) for each in (labels, weights))
    with torch.set_grad_enabled(wanted):
        rows = nn.functional.pad(hidden.detach(), (0, 0, 0, empty)).requires_grad_(wanted)
        logits = head(rows)
    of_logits = logits.detach()
    pieces = (each.split(ROWS_AT_ONCE) for each in (of_logits, labels[:, None], weights[:, None]))
    nll = torch.cat([_gradient_in_place(*piece) for piece in zip(*pieces, strict=True)])[:number]
    if not wanted:
        return [nll]
    of_rows, *sums = torch.autograd.grad(logits, [rows, *trained], of_logits)
    return [nll, of_rows[:number], *sums]


def _gradient_in_place(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The NLLs, whose weighted sum's gradient takes the logits' place; in float32 at least."""
    precise = torch.promote_types(logits.dtype, torch.float32)
    likely = torch.log_softmax(logits, dim=-1, dtype=precise)
    nll = -likely.gather(1, labels)
    likely.exp_().scatter_(1, labels, torch.exp(-nll) - 1)
    logits.copy_(likely.mul_(weights))
    return nll[:, 0]
