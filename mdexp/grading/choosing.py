"""The one rule by which validation problems choose: prompts, beams' weights, vote weights."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mdexp.records import Generation, Vote

Option = TypeVar("Option")


@dataclass(frozen=True, slots=True)
class BestOption(Generic[Option]):
    """The best option, and how many validation paths or votes were right by each."""

    best: Option
    solved: dict[Option, int]


def choose_on_validation(
    tried: Mapping[Option, Sequence[Generation] | Sequence[Vote]],
) -> BestOption[Option]:
    """The option with most right paths or votes, of equal ones the first. Without any row that is
    the first. ValueError for a row of another split."""
    for rows in tried.values():
        if other := sorted(row.problem_id for row in rows if row.split != "validation"):
            raise ValueError(f"{other[0]} is no validation problem, so it may choose nothing")
    solved = {option: sum(row.correct for row in rows) for option, rows in tried.items()}
    return BestOption(max(solved, key=solved.__getitem__), solved)


def half(problem_id: str) -> int:
    """0 or 1, by a hash of the id: where something learns from validation problems, those of one
    half choose by what the other half taught."""
    return hashlib.blake2b(problem_id.encode(), digest_size=1).digest()[0] % 2
