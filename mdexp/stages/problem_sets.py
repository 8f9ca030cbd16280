"""Selects the problems of a stage, and accounts for what it drops."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mdexp.config.settings import Settings
from mdexp.ports import Decoder, HasFreeText
from mdexp.records import Problem
from mdexp.store.stage_store import Counts
from mdexp.transcripts.prompting import free_text_key


def training_problems(problems: Sequence[Problem]) -> list[Problem]:
    """The problems that a teacher is asked about."""
    return [p for p in problems if p.split == "train" and not p.leaked]


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
