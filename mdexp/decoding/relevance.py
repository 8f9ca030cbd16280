"""Computes how close a step is to its question: the relevance term of PaD's beam (arXiv
2305.13888).

The paper embeds the step and each sentence of the question with a model of its own, and takes
log((1 + cosine) / 2) of the closest sentence. Ours embeds with the student: the mean of its last
hidden states over the tokens of a text that it reads by itself.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mdexp.students.prompts import Renderer
from mdexp.thoughts.steps import sentences

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BATCH = 64  # texts read at a time
LEAST = 1e-6  # of (1 + cosine) / 2, so that its logarithm is finite

# Of each (question, step): nats, at most 0.
Relevance = Callable[[Sequence[tuple[str, str]]], Sequence[float]]


@torch.inference_mode()
def relevance(
    model: "PreTrainedModel", renderer: Renderer, pairs: Sequence[tuple[str, str]]
) -> list[float]:
    """log((1 + cosine) / 2) of each step and the closest sentence of its question, in nats."""
    parts = [[step, *sentences(question)] for question, step in pairs]
    texts = list(dict.fromkeys(text for part in parts for text in part))
    rows = [_embedded(model, renderer, texts[n : n + BATCH]) for n in range(0, len(texts), BATCH)]
    embedded = dict(zip(texts, torch.cat(rows), strict=True)) if rows else {}
    return [_closest(*(embedded[text] for text in part)) for part in parts]


def _closest(step: Tensor, *question: Tensor) -> float:
    cosines = torch.stack(question) @ step
    return float(((1 + cosines.max()) / 2).clamp(LEAST, 1).log())


def _embedded(model: "PreTrainedModel", renderer: Renderer, texts: Sequence[str]) -> Tensor:
    """Unit vectors, (texts, hidden size), in float32 at least."""
    # What stands first draws attention to it and has huge states, whatever it says: left out.
    first = renderer.tokenizer.eos_token_id
    ids = [[first, *renderer.tokenizer(t, add_special_tokens=False)["input_ids"]] for t in texts]
    width = max(map(len, ids))
    device = model.device
    rows = torch.tensor([[*row, *[first] * (width - len(row))] for row in ids], device=device)
    lengths = torch.tensor(list(map(len, ids)), device=device)[:, None]
    place = torch.arange(width, device=device)
    read = model(
        input_ids=rows,
        attention_mask=(place < lengths).long(),
        use_cache=False,
        output_hidden_states=True,
        logits_to_keep=1,
    )
    states = read.hidden_states[-1]
    states = states.to(torch.promote_types(states.dtype, torch.float32))
    own = ((place > 0) & (place < lengths)).to(states)
    return torch.nn.functional.normalize((states * own[:, :, None]).sum(1), dim=-1)
