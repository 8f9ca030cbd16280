"""Cascade: the first thought that has an answer decides alone, its paths by majority."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.grading.vote_rules.counting import paths_per_answer
from mdexp.ports import Ballot, Tally


class Cascade(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "cascade"
    all_vote: ClassVar[bool] = False
    needs_validation: ClassVar[bool] = False

    order: tuple[str, ...] = ()

    def tally(self, ballots: Sequence[Ballot]) -> Tally:
        first = ballots[0].thought
        return paths_per_answer([ballot for ballot in ballots if ballot.thought == first])

    def describe(self, order: Sequence[str]) -> str:
        return f"cascade {', '.join(order)}"
