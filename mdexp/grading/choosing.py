"""Chooses among options (prompts, beam weights, vote weights) by validation problems."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mdexp.records import Generation, Vote

Option = TypeVar("Option")


@dataclass(frozen=True, slots=True)
class BestOption(Generic[Option]):
    """The best option, and how many validation paths or votes were right with each."""

    best: Option
    solved: dict[Option, int]


def choose_on_validation(
    tried: Mapping[Option, Sequence[Generation] | Sequence[Vote]],
) -> BestOption[Option]:
    """The option with the most right paths or votes, the first of equals (and without any row).
    ValueError for a row of another split."""
    for rows in tried.values():
        if other := sorted(row.problem_id for row in rows if row.split != "validation"):
            raise ValueError(f"{other[0]} is no validation problem, so it may choose nothing")
    solved = {option: sum(row.correct for row in rows) for option, rows in tried.items()}
    return BestOption(max(solved, key=solved.__getitem__), solved)


def half(problem_id: str) -> int:
    """0 or 1, by a hash of the id. Where something is fitted on validation problems, each half is
    scored with what was fitted on the other half."""
    return hashlib.blake2b(problem_id.encode(), digest_size=1).digest()[0] % 2
