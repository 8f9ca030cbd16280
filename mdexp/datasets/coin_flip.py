"""Coin flips after Wei et al. 2022 (arXiv 2201.11903), generated here: is the coin still heads up?

Test has other names than training, and more people: `type` is `k=4` for four people.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mdexp.datasets.generated import Draw
from mdexp.datasets.graph_logic_puzzle import NAMES
from mdexp.records import Problem, Split

Length = Annotated[int, Field(ge=1, le=8)]


class CoinFlip(BaseModel):
    """Coins that people flip or leave; lengths are numbers of people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "coin_flip"

    people_train: Annotated[tuple[Length, ...], Field(min_length=1)]
    people_test: Annotated[tuple[Length, ...], Field(min_length=1)]

    def lengths(self) -> Mapping[Split, Sequence[int]]:
        return {"train": self.people_train, "test": self.people_test}

    def problem(self, draw: Draw) -> Problem:
        names = [name for names in NAMES[draw.split].values() for name in names]
        people = draw.chance.sample(names, draw.length)
        flips = {name: draw.chance.random() < 0.5 for name in people}
        sentences = [
            f"{who} {'flips' if does else 'does not flip'} the coin." for who, does in flips.items()
        ]
        return Problem(
            id=f"coin_flip/{draw.split}/{draw.number}",
            dataset="coin_flip",
            split=draw.split,
            question=f"A coin is heads up. {' '.join(sentences)} Is the coin still heads up?",
            answer="no" if sum(flips.values()) % 2 else "yes",
            type=f"k={len(flips)}",
            solutions=_solutions(flips),
        )


def _solutions(flips: dict[str, bool]) -> dict[str, list[str]]:
    lines, is_heads = [], True
    for who, does in flips.items():
        is_heads ^= does
        side = "heads" if is_heads else "tails"
        lines.append(f"{who} {'flips' if does else 'does not flip'} it: {side} up.")
    counts = " + ".join(str(int(does)) for does in flips.values())
    return {
        "cot": ["\n".join([*lines, f"The answer is {'yes' if is_heads else 'no'}."])],
        "pot": [f"flips = {counts}\nans = flips % 2 == 0"],
    }
