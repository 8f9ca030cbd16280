"""Requests to a student or its server, and their answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mdexp.config.blocks import DecodingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingRequest:
    """One answer to be written. `sample` 0 is greedy; `stream` names the row's random numbers, and
    requests of one `problem` are read together. `max_new_tokens` are what is left of its
    transcript's budget; None: what the limits say."""

    prompt_ids: Sequence[int]
    problem: str
    stop: Callable[[str], str | None]  # the whole text, once a growing one holds it
    sample: int
    stream: str
    max_new_tokens: int | None = None

    def most_new_tokens(self, limits: "DecodingLimits") -> int:
        most = limits.max_new_tokens
        return most if self.max_new_tokens is None else min(most, self.max_new_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingLimits:
    """How long answers get, how they are drawn, and how many rows are computed at a time."""

    max_new_tokens: int
    temperature: float
    top_p: float = 1.0
    batch_size: int


@dataclass(slots=True, kw_only=True)
class Answered:
    """One answer; `finished` is False where the budget ended it. A server keeps its token ids, and
    may have written `num_behind` tokens behind the end of the text, which are not part of it."""

    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)  # of each token, nats
    num_tokens: int = 0
    num_behind: int = 0
    text: str = ""
    finished: bool = False

    @property
    def logprob(self) -> float | None:
        """The mean over its tokens, so that long answers are not penalised."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None


def limits_of(decoding: DecodingSettings, max_new_tokens: int | None = None) -> DecodingLimits:
    return DecodingLimits(
        max_new_tokens=max_new_tokens or decoding.max_new_tokens,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        batch_size=decoding.batch_size,
    )
