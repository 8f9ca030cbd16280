"""Reversible text for tokenizers that lose newlines, indentation and braces, as T5's does.

What the vocabulary lacks is written as one of its sentinel tokens, which occur in no answer. The
mapping is undone after decoding. Whether a text survives is checked text by text where targets are
made (training/examples.py); one that does not is left out and counted as `lossy`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE = "a = {1}\n    b"
# Longest first, so that an indent is one token.
_LOST = ("\n    ", "\n", "    ", "{", "}", "<", "\\", "^", "~", "`")


class CodeText:
    """`encode` before a tokenizer, `decode` after it; both do nothing where nothing is lost."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        ids = tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
        lossless = tokenizer.decode(ids, clean_up_tokenization_spaces=False) == _PROBE
        sentinels = [f"<extra_id_{i}>" for i in range(len(_LOST))]
        known = set(tokenizer.get_vocab())
        self.pairs = (
            [] if lossless or not known.issuperset(sentinels) else list(zip(_LOST, sentinels))
        )

    def encode(self, text: str) -> str:
        for lost, sentinel in self.pairs:
            text = text.replace(lost, sentinel)
        return text

    def decode(self, text: str) -> str:
        for lost, sentinel in self.pairs:
            # Tokenizers put spaces around sentinels; none of them was in the text.
            text = text.replace(f" {sentinel}", sentinel).replace(f"{sentinel} ", sentinel)
            text = text.replace(sentinel, lost)
        return text
