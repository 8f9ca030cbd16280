"""A student's context length, and the tokens that a prompt leaves for an answer."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def context_length(config: "PretrainedConfig") -> int | None:
    """The positions that the student was made for, in tokens; None if they have no end (T5)."""
    return getattr(config, "max_position_embeddings", None) or None


def room(config: "PretrainedConfig", prompt_tokens: int) -> float:
    """How many new tokens may follow a prompt: at most 0 if it is too long, infinity if positions
    have no end. An encoder-decoder counts prompt and answer separately."""
    if (length := context_length(config)) is None:
        return float("inf")
    if not config.is_encoder_decoder:
        return length - prompt_tokens
    return length - 1 if prompt_tokens <= length else 0  # its start token takes a position
