"""The interfaces of datasets and teachers."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, ClassVar, Protocol, runtime_checkable

from mdexp.ports.thought import Executor, Thought
from mdexp.records import NearDuplicates, Overlap, Path, Problem, TextMatch, ThinkingUse

OodSet = str | dict[str, dict[str, Any]]  # a name; or name and options


class SourceError(ValueError):
    """The rows of a dataset cannot be read as configured; the message says which key to set."""


@runtime_checkable
class Dataset(Protocol):
    """Problems with their official splits."""

    path: str | None
    limit_test: int | None
    ood: tuple[OodSet, ...]
    overlap: Overlap  # when a training problem counts as a test problem
    near_duplicates: NearDuplicates  # training problems that nearly equal a test problem
    source: str  # origin of its problems
    licence: str

    def files(self) -> dict[str, FilePath]:
        """Local files that are read; their content is part of the stage's key."""
        ...

    def problems(self) -> list[Problem]: ...

    def dropped(self) -> Counter[str]:
        """How many rows are not used as problems, by reason."""
        ...


@runtime_checkable
class HasColumns(Protocol):
    """A dataset with the user's own columns, some of which may not be read."""

    def unread(self) -> Counter[str]:
        """For each column that is not read, the number of rows with a value."""
        ...


@runtime_checkable
class HasFreeText(Protocol):
    """A dataset whose gold answers may be free text; `match` says when two are equal."""

    @property
    def match(self) -> TextMatch | None:
        """How free text is compared; None: it is refused."""
        ...


@runtime_checkable
class Teacher(Protocol):
    """A source of paths."""

    num_paths: int
    thinking: ThinkingUse
    ask_again: ClassVar[bool]  # whether a missing path may arrive if it is asked for again

    def files(self) -> dict[str, FilePath]:
        """Local files that are read: their content is part of the stage's key."""
        ...

    def exemplars(self) -> Sequence[Mapping[str, Any]]:
        """The worked problems that its prompts show; empty if it is not prompted."""
        ...

    def paths(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        ledger: FilePath,
        executor: Executor,
    ) -> Iterator[Path]:
        """Yield up to `num_paths` paths per (problem, thought); those for k are a subset of those
        for k + 1. Answers that cost money are kept in the folder `ledger`, which outlives every
        run. The executor runs the programs that a thought needs before its next text is written.
        """
        ...


@runtime_checkable
class AsksServer(Protocol):
    """A teacher or decoder that asks a server which has to run already."""

    def server_says(self) -> str:
        """What the server says of the model, in words; ValueError if it does not answer."""
        ...


@runtime_checkable
class LimitedTeacher(Protocol):
    """A teacher that cannot write about some problems. Most can try any problem and do not need
    this."""

    def judge(self, problems: Sequence[Problem], thoughts: Collection[str]) -> None:
        """ValueError if it can write none of the thoughts for any of the training problems."""
        ...
