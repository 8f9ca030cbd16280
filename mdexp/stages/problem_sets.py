"""Selects the problems of a stage, and accounts for what it drops."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mdexp.config.settings import Settings
from mdexp.datasets.subset import first_by_hash
from mdexp.ports import Decoder, HasFreeText
from mdexp.records import Problem
from mdexp.store.stage_store import Counts
from mdexp.transcripts.prompting import free_text_key


def training_problems(problems: Sequence[Problem]) -> list[Problem]:
    """The problems that a teacher is asked about."""
    return [p for p in problems if p.split == "train" and not p.leaked]


def shared_problems(
    problems: Sequence[Problem], rows: Mapping[str, Collection[str]], most: int
) -> tuple[list[str], int]:
    """At most `most` problems that every row has, by a hash of their ids, and how many there are;
    ValueError if there is none. `rows` has the ids of each row's problems."""
    shared = [p for p in problems if rows and all(p.id in ids for ids in rows.values())]
    if not shared:
        told = ", ".join(f"{name} has {len(ids)}" for name, ids in rows.items())
        raise ValueError(f"no problem has a text in every row: {told or 'there is no text'}")
    return [problem.id for problem in first_by_hash(shared, most)], len(shared)


def set_sizes(problems: Sequence[Problem]) -> str:
    """The number of problems per set: `50 of svamp/validation, 300 of svamp`."""
    sets = Counter(problem.set_name for problem in problems)
    return ", ".join(f"{number} of {name}" for name, number in sets.items())


def key_of_free_text(settings: Settings) -> Mapping[str, Any]:
    """The exemplars of free text in the key, if the dataset has free text."""
    dataset = settings.dataset
    asks_for_text = isinstance(dataset, HasFreeText) and dataset.match is not None
    return {"exemplars": free_text_key()} if asks_for_text else {}


def asked_of_student(problems: Sequence[Problem], decoding: Decoder) -> list[Problem]:
    """All test problems, and `decoding.num_validation` validation problems."""
    validation = [p for p in problems if p.split == "validation"][: decoding.num_validation]
    return validation + [p for p in problems if p.split == "test"]


def accounted(
    source: str, number: int, kept_as: str, kept: int, dropped: Mapping[str, int]
) -> Counts:
    """The counts of a stage that drops items, by reason: in = out + dropped."""
    assert number == kept + sum(dropped.values()), (source, number, kept, dropped)
    return {source: number, kept_as: kept, "dropped": dict(dropped)}
