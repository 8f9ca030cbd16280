"""Majority: every path counts the same."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.grading.vote_rules.counting import paths_per_answer
from mdexp.ports import Ballot, Tally


class Majority(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "majority"
    all_vote: ClassVar[bool] = True
    needs_validation: ClassVar[bool] = False

    order: tuple[str, ...] = ()

    def tally(self, ballots: Sequence[Ballot]) -> Tally:
        return paths_per_answer(ballots)

    def describe(self, order: Sequence[str]) -> str:
        return f"majority, ties to {', '.join(order)}"


MAJORITY = Majority()
