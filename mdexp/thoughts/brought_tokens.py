"""The new tokens that the thoughts of a run bring into the student's vocabulary."""

from collections.abc import Mapping

from mdexp.ports import BringsTokens, Thought


def brought_tokens(thoughts: Mapping[str, Thought]) -> dict[str, str]:
    """Each token, and the words that it begins as; of a token that two thoughts bring, the first
    one's words. Empty for most runs."""
    tokens: dict[str, str] = {}
    for thought in thoughts.values():
        if isinstance(thought, BringsTokens):
            tokens = dict(thought.new_tokens) | tokens
    return tokens
