"""Where problems and paths come from: data sets and teachers."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, ClassVar, Protocol, runtime_checkable

from mdexp.ports.thought import Executor, Thought
from mdexp.records import NearDuplicates, Overlap, Path, Problem, TextMatch, ThinkingUse

OodSet = str | dict[str, dict[str, Any]]  # a dataset by name; one's own with its options


class SourceError(ValueError):
    """The rows of a dataset cannot be had as configured; the text says which key to set."""


@runtime_checkable
class Dataset(Protocol):
    """Problems with their official splits."""

    path: str | None
    limit_test: int | None
    ood: tuple[OodSet, ...]
    overlap: Overlap  # when a training problem counts as a test problem
    near_duplicates: NearDuplicates  # of test problems, among the training problems
    source: str  # where its problems are from
    licence: str

    def files(self) -> dict[str, FilePath]:
        """Local files that are read: their content is part of the stage's key."""
        ...

    def problems(self) -> list[Problem]: ...

    def dropped(self) -> Counter[str]:
        """How many rows are no problem here, by reason."""
        ...


@runtime_checkable
class HasColumns(Protocol):
    """A dataset of the user's own columns, some of which nothing reads."""

    def unread(self) -> Counter[str]:
        """In how many rows each column that is not read holds something."""
        ...


@runtime_checkable
class HasFreeText(Protocol):
    """A dataset whose gold answers may be free text; `match` says when two are the same."""

    @property
    def match(self) -> TextMatch | None:
        """None: it refuses free text."""
        ...


@runtime_checkable
class Teacher(Protocol):
    """A source of paths."""

    num_paths: int
    thinking: ThinkingUse
    ask_again: ClassVar[bool]  # whether a path that is missing may come when it is asked for again

    def files(self) -> dict[str, FilePath]:
        """Local files that are read: their content is part of the stage's key."""
        ...

    def exemplars(self) -> Sequence[Mapping[str, Any]]:
        """The worked problems that it is shown; none for one that is not prompted."""
        ...

    def paths(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        ledger: FilePath,
        executor: Executor,
    ) -> Iterator[Path]:
        """Yield up to `num_paths` paths per (problem, thought); those for k are a subset of those
        for k + 1.

        What costs money is kept in the folder `ledger`, which outlives every run. The executor runs
        what a thought wants run before its next text is written.
        """
        ...


@runtime_checkable
class LimitedTeacher(Protocol):
    """A teacher that has nothing to say about some problems. Most can try any and need not judge
    them."""

    def judge(self, problems: Sequence[Problem], thoughts: Collection[str]) -> None:
        """ValueError if it can write none of the thoughts for any of the training problems."""
        ...
