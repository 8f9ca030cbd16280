"""Agreement: an answer that at least two thoughts choose, each by majority; else a cascade."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.grading.vote_rules.cascade import Cascade
from mdexp.grading.vote_rules.counting import own_choices
from mdexp.ports import Ballot, Tally


class Agreement(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "agreement"
    all_vote: ClassVar[bool] = False
    needs_validation: ClassVar[bool] = False

    order: tuple[str, ...] = ()

    def tally(self, ballots: Sequence[Ballot]) -> Tally:
        chosen = Counter(own_choices(ballots).values())
        agreed: Tally = {key: number for key, number in chosen.items() if number > 1}
        return agreed or Cascade().tally(ballots)

    def describe(self, order: Sequence[str]) -> str:
        return f"agreement, else cascade {', '.join(order)}"
