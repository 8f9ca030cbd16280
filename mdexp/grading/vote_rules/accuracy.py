"""Accuracy: a path weighs as much as its thought's expected accuracy.

That is (right + 1) / (n + 2) on n validation problems, so a thought without a right answer there
still counts.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.ports import Ballot, Tally


class Accuracy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "accuracy"
    all_vote: ClassVar[bool] = True
    needs_validation: ClassVar[bool] = True

    order: tuple[str, ...] = ()

    def tally(self, ballots: Sequence[Ballot], accuracy: Mapping[str, Fraction]) -> Tally:
        tally: dict[str, Fraction] = {}
        for ballot in ballots:
            if ballot.thought not in accuracy:
                raise ValueError(
                    f"vote=accuracy: {ballot.thought} answered no validation problem; it needs "
                    "decoding.num_validation > 0 and a dataset that has validation problems"
                )
            tally[ballot.key] = tally.get(ballot.key, Fraction(0)) + accuracy[ballot.thought]
        return dict(tally)

    def describe(self, order: Sequence[str]) -> str:
        return f"majority by accuracy, ties to {', '.join(order)}"
