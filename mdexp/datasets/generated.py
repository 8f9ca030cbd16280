"""Generated datasets: as many different problems as asked for; problem i does not depend on their
number.

The kind of problem is a part nested under `dataset.puzzle`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, PositiveInt

from mdexp.config.ood_sets import OodNames
from mdexp.ports import SourceError
from mdexp.ports.parts import built, described
from mdexp.records import NearDuplicates, Overlap, Problem, Split

MAX_DRAWS = 2000  # draws for one problem before its kind counts as exhausted


class Draw(NamedTuple):
    """A problem to be drawn: its number within its split, and the random generator."""

    split: Split
    number: int
    round: int  # how often every length had its turn before
    length: int
    chance: Random


@runtime_checkable
class PuzzleKind(Protocol):
    """A kind of problem that is made by rule."""

    name: ClassVar[str]  # of the data set

    def lengths(self) -> Mapping[Split, Sequence[int]]:
        """The lengths of each split's problems, in the puzzle's own unit; they take turns."""
        ...

    def problem(self, draw: Draw) -> Problem | None:
        """The problem of a draw; None if another draw is needed."""
        ...


class GeneratedDataset(BaseModel):
    """`limit_train` and `limit_test` are how many problems are generated."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    path: str | None  # used only by the OOD sets
    split: Literal["default"]
    puzzle: Annotated[PuzzleKind, BeforeValidator(built), PlainSerializer(described)]
    draw: int  # another number draws other problems
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
        """The problems of all splits, with different questions within a split; problem i is the
        same whatever the size. ValueError where no further one is found."""
        sizes = {"train": self.limit_train, "test": self.limit_test}
        return [
            problem
            for split, lengths in self.puzzle.lengths().items()
            for problem in self._different(split, lengths, sizes[split])
        ]

    def _different(self, split: Split, lengths: Sequence[int], size: int) -> Iterator[Problem]:
        name, asked = self.puzzle.name, set()
        for number in range(size):
            turn, place = divmod(number, len(lengths))
            for attempt in range(MAX_DRAWS):
                chance = Random(f"{name}/{self.draw}/{split}/{number}/{attempt}")
                problem = self.puzzle.problem(Draw(split, number, turn, lengths[place], chance))
                if problem and problem.question not in asked:
                    asked.add(problem.question)
                    yield problem
                    break
            else:
                raise SourceError(
                    f"{name}: found no further {split} problem after {number}: "
                    f"lower dataset.limit_{split}"
                )
