"""Problems that are drawn by a seed: as many different ones as asked for, the first ones always the
same."""

from collections.abc import Callable
from random import Random

from mdexp.records import Problem, Split

MAX_DRAWS = 2000  # for one problem, before its kind counts as exhausted


def drawn_problems(
    name: str, draw: int, split: Split, size: int, make: Callable[[int, Random], Problem | None]
) -> list[Problem]:
    """`size` problems with different questions; number i is the same whatever the size.

    `make` gives problem i by a source of chance, or None where another draw is needed. ValueError
    where no further one is found.
    """
    found: dict[str, Problem] = {}  # by question
    for number in range(size):
        problem = _new(f"{name}/{draw}/{split}/{number}", number, found, make)
        if problem is None:
            raise ValueError(
                f"{name}: found no further {split} problem after {number}: "
                f"lower dataset.limit_{split}"
            )
        found[problem.question] = problem
    return list(found.values())


def _new(
    seed: str,
    number: int,
    asked: dict[str, Problem],
    make: Callable[[int, Random], Problem | None],
) -> Problem | None:
    for attempt in range(MAX_DRAWS):
        problem = make(number, Random(f"{seed}/{attempt}"))
        if problem and problem.question not in asked:
            return problem
    return None
