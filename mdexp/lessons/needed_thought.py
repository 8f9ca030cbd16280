"""The thought that a lesson maker is made for, looked up by name among those of a run."""

from collections.abc import Mapping
from typing import TypeVar

from mdexp.ports import Thought

Kind = TypeVar("Kind")


def thought_of(kind: type[Kind], name: str, thoughts: Mapping[str, Thought], lesson: str) -> Kind:
    """The thought `name`, which `lesson` needs to be a `kind`; ValueError where it is none."""
    thought = thoughts.get(name)
    if not isinstance(thought, kind):
        option = kind.__module__.rpartition(".")[2]  # as conf/thought calls it
        raise ValueError(
            f"lesson={lesson} needs thought={name} to be one of {option}, "
            f"the thoughts are {', '.join(thoughts)}"
        )
    return thought
