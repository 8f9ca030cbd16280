"""Training plans with the names of examples. Their tokens, which need fifty times the memory, are
read when their step is due."""

from collections.abc import Iterator
from dataclasses import dataclass
from sys import intern
from typing import Protocol

from mdexp.records import Example


class Planned(Protocol):
    """What planning needs to know about an example."""

    @property
    def problem_id(self) -> str: ...

    @property
    def thought(self) -> str: ...

    @property
    def epoch(self) -> int | None: ...


class Examples(Protocol):
    """Examples in order: a list, or a file of them (store/indexed_lines.py), which is read through
    once before any is asked for by its number."""

    def __iter__(self) -> Iterator[Example]: ...

    def __getitem__(self, number: int, /) -> Example: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleName:
    """An example without its tokens, and its index."""

    number: int
    problem_id: str
    thought: str
    sample: int
    epoch: int | None
    num_scored: int  # tokens


def names_of(examples: Examples) -> list[ExampleName]:
    """Each example's name, in order."""
    return [
        ExampleName(
            number=number,
            problem_id=intern(example.problem_id),
            thought=intern(example.thought),
            sample=example.sample,
            epoch=example.epoch,
            num_scored=example.num_scored,
        )
        for number, example in enumerate(examples)
    ]
