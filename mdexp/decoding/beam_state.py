"""A beam of a step-wise search, what it is scored by, and the beams of one question.

The score of a beam is

    mean log-probability per token + w_run * share of the steps that run
    + w_new * share that bind a new value + w_use * share of the question's numbers used
    + w_relevance * mean relevance of the steps to the question (relevance.py)
    + w_score * log of the chance that the text leads to a right answer (prefix_scores.py)

The last two, PaD's own and that of the run's scorer, are worked out only where they have a weight.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.session import EMPTY
from mdexp.ports import Thought

# Of run, new, use; of relevance and of the score where these have one.
Weights = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question put with a thought. `stream` names its random numbers, `weights` rank beams, and
    `opening` is an opening tag of thinking with which the prompt ends."""

    question: str
    problem: str
    thought: Thought
    stop: Callable[[str], str | None]
    prompt_ids: Sequence[int]
    stream: str
    weights: Weights
    opening: str = ""

    @property
    def weighs_relevance(self) -> bool:
        return any(self.weights[3:4])

    @property
    def weighs_score(self) -> bool:
        return any(self.weights[4:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """A text under way. `trace` has one row a step."""

    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    text: str = ""
    trace: tuple[dict[str, Any], ...] = ()
    values: frozenset[str] = frozenset()
    used: float = 0.0  # share of the question's numbers
    finished: bool = False  # its text is whole
    ended: bool = False  # no step can follow: whole, failed, or out of tokens
    failed: bool = False
    read: CachedText = EMPTY  # of an open beam: it goes on behind what was read

    def score(self, weights: Weights) -> float:
        """The higher the better; 0 without any step."""
        if not self.trace:
            return 0.0
        run, new, use, *more = weights
        parts = self.parts()
        weighted = run * parts["ran"] + new * parts["new"] + use * parts["used"]
        further = zip(more, ("relevance", "chance"), strict=False)
        related = sum(weight * parts.get(name, 0.0) for weight, name in further)
        return parts["logprob"] + weighted + related

    def parts(self) -> dict[str, float]:
        """What the score is made of: nats a token, shares of the steps, of the numbers; nats a step
        of relevance and nats of the scorer's chance, if these are weighed."""
        steps = len(self.trace)
        near = [step["relevance"] for step in self.trace if "relevance" in step]
        return {
            "logprob": sum(self.logprobs) / len(self.logprobs) if self.logprobs else 0.0,
            "ran": sum(step["status"] == "ran" for step in self.trace) / steps,
            "new": sum(step["new"] for step in self.trace) / steps,
            "used": self.used,
            **({"relevance": sum(near) / len(near)} if near else {}),
            **{name: step for name, step in self.trace[-1].items() if name == "chance"},
        }


@dataclass(slots=True, kw_only=True)
class Search:
    """The beams of one question, the best first, and counts of what was tried for it."""

    asked: Asked
    beams: list[Beam] = field(default_factory=lambda: [Beam()])
    failed: list[Beam] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: {"rounds": 0, "candidates": 0, "ran": 0, "failed": 0}
    )

    def open_beams(self) -> list[Beam]:
        return [beam for beam in self.beams if not beam.ended]

    def score(self, beam: Beam) -> float:
        return beam.score(self.asked.weights)

    def result(self) -> list[Beam]:
        """The complete texts first; if every beam failed, the failed ones."""
        return sorted(self.beams, key=lambda beam: not beam.finished) or self.failed[:1]
