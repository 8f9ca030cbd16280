"""How likely a student holds the targets of a batch: the model-side half of the objective."""

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mdexp.students.branch_attention import Tree
from mdexp.students.head import ROW_BUCKET, head_loss
from mdexp.students.load import Kind

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NO_TARGET = -100  # label of prompt and padding positions: read by the student, never scored
# Families that change the head's output: their own forward takes the whole way to the logits.
_HEAD_SETTINGS = ("final_logit_softcapping", "logit_scale", "logits_scaling")


def weighted_loss(
    model: "PreTrainedModel",
    kind: Kind,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    labels: Tensor,
    weights: Tensor,
    tree: Tree | None = None,
    prompt_rows: Tensor | None = None,
    targets: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Sum of weights · NLL, and the NLL (nats, float32) of each scored label in row order.

    `labels` and `weights` have a row per sequence, or all lie in one row with a `tree`; for a
    seq2seq student `prompt_rows` says which row of `input_ids` each of them answers, and `targets`
    has the shape of `labels` and the tokens that are written, scored or not; none: all are scored.
    """
    scored = labels != NO_TARGET
    if kind == "seq2seq":
        written = labels.clamp(min=0) if targets is None else targets
        reading = _decoder_reading(model, input_ids, attention_mask, written, prompt_rows)
        return _loss(_logits(model, scored, reading), labels[scored], weights[scored])
    # Padding is on the right, where causal attention never looks: no mask, the fast kernel.
    reading = {"input_ids": input_ids, "use_cache": False}
    if tree is not None:
        reading |= {"position_ids": tree.positions, "tree": tree}
    if any(getattr(model.config, name, None) is not None for name in _HEAD_SETTINGS):
        return _loss(_logits(model, scored, reading), labels[scored], weights[scored])
    hidden = getattr(model, model.base_model_prefix)(**reading).last_hidden_state
    return head_loss(model.get_output_embeddings(), hidden[scored], labels[scored], weights[scored])


def _decoder_reading(
    model: "PreTrainedModel",
    input_ids: Tensor,
    attention_mask: Tensor,
    targets: Tensor,
    prompt_rows: Tensor | None,
) -> dict[str, Any]:
    """Each prompt is encoded once, whatever the number of its targets."""
    read = model.get_encoder()(input_ids=input_ids, attention_mask=attention_mask)
    states = read.last_hidden_state
    if prompt_rows is not None:
        states, attention_mask = states[prompt_rows], attention_mask[prompt_rows]
    return {
        "encoder_outputs": (states,),
        "attention_mask": attention_mask,
        "decoder_input_ids": _shifted(targets, model.config.decoder_start_token_id),
        "use_cache": False,
    }


def _logits(model: "PreTrainedModel", scored: Tensor, reading: dict[str, Any]) -> Tensor:
    """Logits of the scored positions, by the family's own forward; no other reaches the head."""
    number = int(scored.sum())

    def picked(_: object, inputs: tuple[Tensor]) -> tuple[Tensor]:
        return (F.pad(inputs[0][scored], (0, 0, 0, -number % ROW_BUCKET)),)

    hook = model.get_output_embeddings().register_forward_pre_hook(picked)
    try:
        logits: Tensor = model(**reading).logits
    finally:
        hook.remove()
    return logits[:number]


def _loss(logits: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    nll = F.cross_entropy(logits.float(), labels, reduction="none")
    return (nll * weights).sum(), nll.detach()


def _shifted(targets: Tensor, start: int) -> Tensor:
    """Decoder input: the targets one position later, behind the start token."""
    return torch.cat([torch.full_like(targets[:, :1], start), targets[:, :-1]], dim=1)
