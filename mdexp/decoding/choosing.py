"""Chooses a student's prompt and its decoder's options by validation problems."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from mdexp.grading.choosing import BestOption, choose_on_validation
from mdexp.grading.score import grade
from mdexp.ports import Done, Executor, Thought, VariedThought
from mdexp.records import Output, Problem, TranscriptKey, by_id
from mdexp.transcripts.reading import Readings

Option = TypeVar("Option")


def choose_outputs(
    tried: Mapping[Option, Sequence[Output]],
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
    found: Mapping[TranscriptKey, Done] = MappingProxyType({}),
    readings: Readings | None = None,
) -> BestOption[Option]:
    """The option whose outputs, greedy and sampled ones, are right most often; see
    `choose_on_validation`. `readings` remembers what is read of them."""
    known = by_id(problems)
    if unknown := {o.problem_id for outputs in tried.values() for o in outputs} - known.keys():
        raise ValueError(f"{min(unknown)} is no validation problem, so it may choose nothing")
    return choose_on_validation(
        {
            option: grade(outputs, known, thoughts, executor, found=found, readings=readings)
            for option, outputs in tried.items()
        }
    )


def variants_of(thought: Thought) -> dict[str, Thought]:
    """The variants of a thought by name; mostly one, without a name."""
    variants = thought.variants() if isinstance(thought, VariedThought) else {}
    return dict(variants) or {"": thought}


def chosen_variant(thought: Thought, counts: Mapping[str, Any]) -> Thought:
    """The variant of a thought that a run chose, from the counts of its stage."""
    variants = variants_of(thought)
    return variants.get(str(counts.get("variant", "")), next(iter(variants.values())))
