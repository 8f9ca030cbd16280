"""What is chosen by validation problems: the prompt before training, the weights of beams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from mdexp.grading.score import grade
from mdexp.ports import Done, Executor, Thought
from mdexp.reading import Name
from mdexp.records import Output, Problem

Option = TypeVar("Option")


@dataclass(frozen=True, slots=True)
class BestOption(Generic[Option]):
    """The best option, how many problems each solved, and what the best one wrote for them."""

    best: Option
    solved: dict[Option, int]
    outputs: list[Output]


def choose_on_validation(
    tried: Mapping[Option, Sequence[Output]],
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
    found: Mapping[Name, Done] = MappingProxyType({}),
) -> BestOption[Option]:
    """The option whose outputs solve most validation problems, of equal ones the first. Without any
    problem that is the first. ValueError for an output of a test problem."""
    known = {problem.id: problem for problem in problems}
    rows = [output for outputs in tried.values() for output in outputs]
    if tested := sorted({row.problem_id for row in rows if row.split != "validation"}):
        raise ValueError(f"{tested[0]} is no validation problem, and nothing is chosen by others")
    solved = {
        option: sum(g.correct for g in grade(outputs, known, thoughts, executor, found=found))
        for option, outputs in tried.items()
    }
    best = max(solved, key=solved.__getitem__)
    return BestOption(best, solved, list(tried[best]))
