"""How likely a student finds the texts that it would be trained to write."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from mdexp.records import Example, TextScore
from mdexp.students.head import LOGITS_AT_ONCE
from mdexp.students.likelihood import NO_TARGET, token_scores
from mdexp.students.load import Kind
from mdexp.training.micro_batch import Weighted
from mdexp.training.rows import row_batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WINDOW = 32  # examples of similar length that are laid out together


@torch.inference_mode()
def text_scores(
    examples: Sequence[Example],
    model: "PreTrainedModel",
    kind: Kind,
    *,
    most_rank: int,
    pad_id: int,
) -> list[TextScore]:
    """What the student says of each text, whose parts are the examples of one (problem, thought,
    sample). A token's rank counts as at most `most_rank`."""
    sums = torch.zeros(len(examples), 3, dtype=torch.float64)  # tokens, NLL, ranks
    rows = [
        Weighted(example=example, weight=1.0, thought=number)
        for number, example in enumerate(examples)
    ]
    rows.sort(key=lambda row: len(row.inputs()))
    vocabulary = model.get_output_embeddings().weight.shape[0]
    for start in range(0, len(rows), WINDOW):
        for batch in row_batches(
            rows[start : start + WINDOW],
            (),
            kind=kind,
            share_prompts=False,
            micro_batch_tokens=LOGITS_AT_ONCE // vocabulary,
            pad_id=pad_id,
        ):
            reading = batch.to(model.device).reading()
            del reading["weights"]
            nll, ranks = token_scores(model, kind, **reading)
            scores = torch.stack([torch.ones_like(nll), nll, ranks.clamp(max=most_rank)], dim=1)
            sums.index_add_(0, batch.thoughts[batch.labels != NO_TARGET], scores.cpu().double())
    return _texts(examples, sums)


def _texts(examples: Sequence[Example], sums: torch.Tensor) -> list[TextScore]:
    texts: dict[tuple[str, str, int], torch.Tensor] = {}
    for example, scores in zip(examples, sums, strict=True):
        name = (example.problem_id, example.thought, example.sample)
        texts[name] = texts.get(name, torch.zeros_like(scores)) + scores
    return [
        TextScore(
            problem_id=problem,
            num_tokens=int(scores[0]),
            nll=float(scores[1]),
            rank=float(scores[2]),
        )
        for (problem, _, _), scores in texts.items()
    ]
