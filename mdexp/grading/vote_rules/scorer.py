"""Scorer: a path weighs as the probability of being right that a scorer gives it, sharpened by a
temperature.

The scorer is fitted on validation problems, and their votes choose the temperature: a high one
approaches majority, a low one lets the most probable path decide. Each half of these problems votes
with a scorer fitted on the other half (grading/score.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SkipValidation

from mdexp.ports import Ballot, Scorer, Scores, Tally, VoteRule
from mdexp.ports.parts import built, described
from mdexp.records import Generation

NestedScorer = Annotated[
    SkipValidation[Scorer],
    BeforeValidator(built),
    PlainSerializer(described),
]


class ScorerVote(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: ClassVar[str] = "scorer"
    all_vote: ClassVar[bool] = True
    needs_validation: ClassVar[bool] = True

    order: tuple[str, ...] = ()
    scorer: NestedScorer
    temperatures: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1)

    def learned(self, paths: Sequence[Generation]) -> Sequence[VoteRule]:
        scores = self.scorer.fit(paths)
        return [FittedVote(scores, temperature, self.order) for temperature in self.temperatures]

    def tally(self, ballots: Sequence[Ballot]) -> Tally:
        raise ValueError("vote=scorer weighs once its scorer has learned")

    def describe(self, order: Sequence[str]) -> str:
        scorer = type(self.scorer).__name__.lower()
        return f"majority by scores of {scorer}, ties to {', '.join(order)}"


@dataclass(slots=True)
class FittedVote:
    """The rule with a fitted scorer and one temperature."""

    scores: Scores
    temperature: float
    order: tuple[str, ...]

    name: ClassVar[str] = ScorerVote.name
    all_vote: ClassVar[bool] = ScorerVote.all_vote
    needs_validation: ClassVar[bool] = False

    def tally(self, ballots: Sequence[Ballot]) -> Tally:
        paths = [ballot.path for ballot in ballots if ballot.path is not None]
        scores = self.scores(paths)
        best = max(scores)
        tally: Tally = {}
        for ballot, score in zip(ballots, scores, strict=True):
            weight = exp((score - best) / self.temperature)
            tally[ballot.key] = float(tally.get(ballot.key, 0)) + weight
        return tally

    def describe(self, order: Sequence[str]) -> str:
        return f"temperature {self.temperature:g}"
