"""Accuracy: a path weighs as much as its thought's expected accuracy on validation problems.

That is (right + 1) / (n + 2) with n paths, so a thought without a right answer there still counts.
Each half of the validation problems votes with what the other half says of the thoughts
(grading/score.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Ballot, Tally, VoteRule
from mdexp.records import Generation


class Accuracy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "accuracy"
    all_vote: ClassVar[bool] = True
    needs_validation: ClassVar[bool] = True

    order: tuple[str, ...] = ()

    def learned(self, paths: Sequence[Generation]) -> Sequence[VoteRule]:
        return [AccuracyVote(expected_accuracy(paths), self.order)]

    def tally(self, ballots: Sequence[Ballot]) -> Tally:
        raise ValueError("vote=accuracy weighs once validation problems have been answered")

    def describe(self, order: Sequence[str]) -> str:
        return f"majority by accuracy, ties to {', '.join(order)}"


@dataclass(slots=True)
class AccuracyVote:
    """The rule with the weights of thoughts."""

    weights: Mapping[str, Fraction]
    order: tuple[str, ...]

    name: ClassVar[str] = Accuracy.name
    all_vote: ClassVar[bool] = Accuracy.all_vote
    needs_validation: ClassVar[bool] = False

    def tally(self, ballots: Sequence[Ballot]) -> Tally:
        tally: dict[str, Fraction] = {}
        for ballot in ballots:
            tally[ballot.key] = tally.get(ballot.key, Fraction(0)) + self._weight(ballot.thought)
        return dict(tally)

    def describe(self, order: Sequence[str]) -> str:
        return ", ".join(f"{name} {float(self._weight(name)):.2f}" for name in order)

    def _weight(self, thought: str) -> Fraction:
        return self.weights.get(thought, _expected(0, 0))


def expected_accuracy(paths: Sequence[Generation]) -> dict[str, Fraction]:
    """The expected accuracy of each thought's voting paths: sampled ones, or greedy ones for
    problems without samples. It uses the rule of succession, since no right answer among a few does
    not mean that a thought is never right."""
    sampled = {path.problem_id for path in paths if path.sample > 0}
    heard = [path for path in paths if path.sample > 0 or path.problem_id not in sampled]
    verdicts: dict[str, list[bool]] = {}
    for path in heard:
        verdicts.setdefault(path.thought, []).append(path.correct)
    return {name: _expected(sum(seen), len(seen)) for name, seen in verdicts.items()}


def _expected(right: int, of: int) -> Fraction:
    return Fraction(right + 1, of + 2)
