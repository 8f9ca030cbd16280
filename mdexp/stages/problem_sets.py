"""Which problems a stage takes, and how it accounts for what it drops."""

from collections import Counter
from collections.abc import Sequence

from mdexp.ports import Decoder
from mdexp.records import Problem, Rejection
from mdexp.store.stage_store import Counts


def training_problems(problems: Sequence[Problem]) -> list[Problem]:
    """The problems that a teacher is asked about."""
    return [p for p in problems if p.split == "train" and not p.leaked]


def set_sizes(problems: Sequence[Problem]) -> str:
    """How many problems of which set: `50 of svamp/validation, 300 of svamp`."""
    sets = Counter(problem.set_name for problem in problems)
    return ", ".join(f"{number} of {name}" for name, number in sets.items())


def by_id(problems: Sequence[Problem]) -> dict[str, Problem]:
    return {problem.id: problem for problem in problems}


def asked_of_student(problems: Sequence[Problem], decoding: Decoder) -> list[Problem]:
    """All test problems, and as many validation problems as `decoding.num_validation` says."""
    validation = [p for p in problems if p.split == "validation"][: decoding.num_validation]
    return validation + [p for p in problems if p.split == "test"]


def accounted(
    source: str, number: int, kept_as: str, kept: int, dropped: Sequence[Rejection]
) -> Counts:
    """Counts of a stage that drops: in = out + dropped."""
    assert number == kept + len(dropped), (source, number, kept, len(dropped))
    return {source: number, kept_as: kept, "dropped": dict(Counter(d.reason for d in dropped))}
