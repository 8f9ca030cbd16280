"""Checks, by log-probabilities of fixed texts, that a server's model is the trained student.

The texts are the exemplars' questions and chains. At places spread over each, the server is asked
for one greedy token: its log-probability is the largest of the vocabulary, which any completions
API gives, whatever it calls the token. The weights here are read at the same places.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.students.prompts import Renderer
from mdexp.transcripts.prompting import load_exemplars

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NUM_TEXTS, PLACES = 4, 4  # of each text
# Mean absolute difference, nats. A trained SmolLM2 (LOG.md) in bfloat16 is 0.02 from float32, one
# of another training 0.16, the one before training 0.48.
TOLERANCE = 0.05

# One greedy token of each request, with its log-probability where the server gives one.
Ask = Callable[[Sequence[DecodingRequest], DecodingLimits], Sequence[Answered]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How far a server's model is from the local weights: `difference` is the mean absolute
    difference of `num_places` log-probabilities in nats; None if the server gave none."""

    num_places: int
    difference: float | None

    @property
    def is_same(self) -> bool:
        return self.difference is not None and self.difference <= TOLERANCE

    @property
    def is_other(self) -> bool:
        return self.difference is not None and self.difference > TOLERANCE

    def __str__(self) -> str:
        if self.difference is None:
            return (
                "the server gives no log-probabilities, so whether its model is the trained "
                "student could not be checked"
            )
        verdict = "another model than" if self.is_other else "taken for"
        return (
            f"the server's model is {verdict} the trained student: log-probabilities at "
            f"{self.num_places} places of fixed texts differ by {self.difference:.2g} nats on "
            f"average, and {TOLERANCE} are allowed"
        )


def probe(model: "PreTrainedModel", renderer: Renderer, ask: Ask) -> Probe:
    """Compare a server, through `ask`, with the weights of `model`."""
    texts = [
        renderer.prompt_ids(f"{row['question']}\n{row['cot']}")
        for row in load_exemplars()[:NUM_TEXTS]
    ]
    places = [[len(ids) * part // PLACES for part in range(1, PLACES + 1)] for ids in texts]
    requests = [
        DecodingRequest(
            prompt_ids=ids[:place],
            problem=f"probe {number}",
            stop=_never,
            sample=0,
            stream=f"probe/{number}/{place}",
        )
        for number, ids in enumerate(texts)
        for place in places[number]
    ]
    limits = DecodingLimits(max_new_tokens=1, temperature=1.0, batch_size=len(requests))
    answers = ask(requests, limits)
    here = [p for ids, at in zip(texts, places, strict=True) for p in _largest(model, ids, at)]
    pairs = [(a.logprobs[0], p) for a, p in zip(answers, here, strict=True) if a.logprobs]
    if 2 * len(pairs) < len(here):
        return Probe(num_places=len(pairs), difference=None)
    difference = fmean(abs(theirs - ours) for theirs, ours in pairs)
    return Probe(num_places=len(pairs), difference=difference)


@torch.inference_mode()
def _largest(model: "PreTrainedModel", ids: Sequence[int], places: Sequence[int]) -> list[float]:
    """The largest log-probability of the next token behind so many tokens, of each place."""
    read = torch.tensor([list(ids)], device=model.device)
    logits = model(input_ids=read).logits[0].float()
    largest = torch.log_softmax(logits, dim=-1).amax(dim=-1)
    return [float(largest[place - 1]) for place in places]


def _never(text: str) -> None:
    """A stop rule under which no text is complete."""
