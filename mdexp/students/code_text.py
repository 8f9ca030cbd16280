"""Reversible text for tokenizers that lose newlines, indentation and braces, as T5's does.

What the vocabulary lacks is written as one of its sentinel tokens, which occur in no answer; so is
a blank beside one, where tokenizers drop it. The mapping is undone after decoding. Whether a text
survives is checked text by text where targets are made (training/examples.py); one that does not is
left out and counted as `lossy`.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE = "a = {1}\n    b"
# Longest first, so that an indent is one token.
_LOST = ("\n    ", "\n", "    ", "{", "}", "<", "\\", "^", "~", "`", "\t", " ")
_SIGNS = "".join(re.escape(lost) for lost in _LOST if len(lost) == 1)
# A blank is lost at either end and beside a sign that is lost, itself included; else it is kept.
_LOST_BLANK = f"(?<![^{_SIGNS}]) | (?![^{_SIGNS}])"
_LOST_TEXT = re.compile("|".join([*map(re.escape, _LOST[:-1]), _LOST_BLANK]))
# Tokenizers put spaces around sentinels; one of the text's own is a sentinel there.
_SENTINEL = re.compile(r" ?(<extra_id_\d+>) ?")


class CodeText:
    """`encode` before a tokenizer, `decode` after it; both do nothing where nothing is lost."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        ids = tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
        lossless = tokenizer.decode(ids, clean_up_tokenization_spaces=False) == _PROBE
        sentinels = [f"<extra_id_{i}>" for i in range(len(_LOST))]
        known = set(tokenizer.get_vocab())
        pairs = list(zip(_LOST, sentinels, strict=True))
        if lossless or not known.issuperset(sentinels):
            pairs = []
        self.sentinels = dict(pairs)
        self.lost = {sentinel: lost for lost, sentinel in pairs}

    def encode(self, text: str) -> str:
        # In one pass: a sentinel has a `<` of its own.
        return _LOST_TEXT.sub(lambda lost: self.sentinels.get(lost[0], lost[0]), text)

    def decode(self, text: str) -> str:
        return _SENTINEL.sub(lambda found: self.lost.get(found[1], found[0]), text)
