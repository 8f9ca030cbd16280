"""How likely a student holds the targets of a batch: the model-side half of the objective."""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mdexp.students.load import Kind

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Families that change the head's output: they are given the whole way through their own forward.
_HEAD_SETTINGS = ("final_logit_softcapping", "logit_scale", "logits_scaling")


def target_nll(
    model: "PreTrainedModel",
    kind: Kind,
    input_ids: Tensor,
    attention_mask: Tensor,
    labels: Tensor,
    scored: Tensor,
) -> Tensor:
    """Negative log-likelihood (nats, float32) of the labels where `scored`, in row order."""
    if kind == "seq2seq":
        decoder_ids = _shifted(labels.clamp(min=0), model.config.decoder_start_token_id)
        outputs = model(
            input_ids=input_ids, attention_mask=attention_mask, decoder_input_ids=decoder_ids
        )
        logits = outputs.logits[scored]
    elif any(getattr(model.config, name, None) is not None for name in _HEAD_SETTINGS):
        logits = model(input_ids=input_ids, use_cache=False).logits[scored]
    else:
        # Only scored positions reach the vocabulary head, the largest product of a small student.
        # Padding is on the right, where causal attention never looks: no mask, the fast kernel.
        trunk = getattr(model, model.base_model_prefix)
        hidden = trunk(input_ids=input_ids, use_cache=False).last_hidden_state
        logits = model.get_output_embeddings()(hidden[scored])
    return F.cross_entropy(logits.float(), labels[scored], reduction="none")


def _shifted(labels: Tensor, start: int) -> Tensor:
    """Decoder input: the labels one position later, behind the start token."""
    return torch.cat([torch.full_like(labels[:, :1], start), labels[:, :-1]], dim=1)
