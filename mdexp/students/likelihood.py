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
    inputs = _inputs(model, kind, input_ids, attention_mask, labels, tree, prompt_rows, targets)
    changes_head = any(getattr(model.config, name, None) is not None for name in _HEAD_SETTINGS)
    if kind == "seq2seq" or changes_head:
        return _loss(_logits(model, scored, inputs), labels[scored], weights[scored])
    hidden = getattr(model, model.base_model_prefix)(**inputs).last_hidden_state
    return head_loss(model.get_output_embeddings(), hidden[scored], labels[scored], weights[scored])


def token_scores(
    model: "PreTrainedModel",
    kind: Kind,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    labels: Tensor,
    tree: Tree | None = None,
    prompt_rows: Tensor | None = None,
    targets: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The NLL (nats, float32) of each scored label in row order, and its rank in the vocabulary: 1
    plus the number of tokens that are likelier. The tensors are those of `weighted_loss`. The
    logits of all scored labels are in memory at once."""
    scored = labels != NO_TARGET
    inputs = _inputs(model, kind, input_ids, attention_mask, labels, tree, prompt_rows, targets)
    logits = _logits(model, scored, inputs).float()
    own = logits.gather(1, labels[scored][:, None])
    return logits.logsumexp(1) - own[:, 0], 1 + (logits > own).sum(1)


def _inputs(
    model: "PreTrainedModel",
    kind: Kind,
    input_ids: Tensor,
    attention_mask: Tensor,
    labels: Tensor,
    tree: Tree | None,
    prompt_rows: Tensor | None,
    targets: Tensor | None,
) -> dict[str, Any]:
    """What the student reads."""
    if kind == "seq2seq":
        written = labels.clamp(min=0) if targets is None else targets
        return _decoder_reading(model, input_ids, attention_mask, written, prompt_rows)
    # Padding is on the right, where causal attention never looks: no mask, the fast kernel.
    inputs = {"input_ids": input_ids, "use_cache": False}
    return inputs if tree is None else inputs | {"position_ids": tree.positions, "tree": tree}


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
