"""Finds the thought by which a path reasons: its own, or the one that its student named."""

from collections.abc import Mapping
from typing import NamedTuple

from mdexp.ports import ChoosesThought, Thought
from mdexp.records import VerifiedPath


class Strategy(NamedTuple):
    """The thought, and the path's text as that thought's."""

    name: str
    thought: Thought
    text: str


def strategy_of(path: VerifiedPath, thoughts: Mapping[str, Thought]) -> Strategy:
    """How a path reasons."""
    thought = thoughts[path.thought]
    if isinstance(thought, ChoosesThought):
        name, text = thought.chosen(path.text)
        if name:
            return Strategy(name, thought.among[name], text)
    return Strategy(path.thought, thought, path.text)
