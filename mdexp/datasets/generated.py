"""Problems that are drawn by a seed: as many different ones as asked for, the first ones always the
same."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from mdexp.records import Problem, Split

MAX_DRAWS = 2000  # for one problem, before its kind counts as exhausted


class Wanted(NamedTuple):
    """What a split is to hold: `size` problems, whose lengths take turns."""

    lengths: Sequence[int]
    size: int


class Draw(NamedTuple):
    """A problem that is to be drawn: problem `number` of its split, and the chance to draw by."""

    split: Split
    number: int
    round: int  # how often all lengths had their turn before
    length: int
    chance: Random


def drawn_problems(
    name: str,
    seed: int,
    wanted: Mapping[Split, Wanted],
    make: Callable[[Draw], Problem | None],
) -> list[Problem]:
    """The problems of all splits, with different questions within a split; problem i is the same
    whatever the size.

    `make` returns None where another draw is needed. ValueError where none is found.
    """
    return [
        problem
        for split, of_split in wanted.items()
        for problem in _different(f"{name}/{seed}/{split}", name, split, of_split, make)
    ]


def _different(
    seed: str, name: str, split: Split, wanted: Wanted, make: Callable[[Draw], Problem | None]
) -> Iterator[Problem]:
    asked = set()
    for number in range(wanted.size):
        turn, place = divmod(number, len(wanted.lengths))
        for attempt in range(MAX_DRAWS):
            chance = Random(f"{seed}/{number}/{attempt}")
            problem = make(Draw(split, number, turn, wanted.lengths[place], chance))
            if problem and problem.question not in asked:
                asked.add(problem.question)
                yield problem
                break
        else:
            raise ValueError(
                f"{name}: found no further {split} problem after {number}: "
                f"lower dataset.limit_{split}"
            )
