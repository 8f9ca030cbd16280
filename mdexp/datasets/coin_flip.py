"""Coin flips (Wei et al. 2022, arXiv 2201.11903), our own: is the coin still heads up? Yes or no.

Test has other names than training, and more people: `type` is `k=4` for four people.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mdexp.config.ood_sets import OodNames
from mdexp.datasets.generated import Draw, Wanted, drawn_problems
from mdexp.datasets.graph_logic_puzzle import NAMES
from mdexp.records import NearDuplicates, Overlap, Problem, Split

Length = Annotated[int, Field(ge=1, le=8)]


class CoinFlip(BaseModel):
    """`limit_train` and `limit_test` are how many problems are generated; lengths take turns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None  # of no use here but to the OOD sets
    split: Literal["default"]
    people_train: Annotated[tuple[Length, ...], Field(min_length=1)]
    people_test: Annotated[tuple[Length, ...], Field(min_length=1)]
    draw: int  # another number gives other problems
    limit_train: PositiveInt
    limit_test: PositiveInt
    ood: OodNames
    overlap: Overlap
    near_duplicates: NearDuplicates
    source: str = ""
    licence: str = ""

    def files(self) -> dict[str, Path]:
        return {}

    def dropped(self) -> Counter[str]:
        return Counter()

    def problems(self) -> list[Problem]:
        wanted: dict[Split, Wanted] = {
            "train": Wanted(self.people_train, self.limit_train),
            "test": Wanted(self.people_test, self.limit_test),
        }
        return drawn_problems("coin_flip", self.draw, wanted, _problem)


def _problem(draw: Draw) -> Problem:
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
