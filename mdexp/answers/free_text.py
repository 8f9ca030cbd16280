"""Free-text answers, such as names: when two are equal, and where a text states one.

`exact` compares letter by letter, but for white space and a full stop at the ends. `normalised`
also ignores case, punctuation, white space and the articles a, an and the (as SQuAD's evaluation
does, arXiv 1606.05250), and the forms that Unicode holds equal (NFKC).
"""

import re
import unicodedata

from mdexp.records import TextMatch

MAX_CHARS = 400  # of an answer
_ENDS = " \t\"'*_`"
_STATED = re.compile(
    r"(?:(?:so|therefore|thus|hence)[, ]\s*)?(?:the\s+|my\s+)?(?:final\s+|correct\s+)?"
    r"\banswer[*_]{0,2}\s*(?:is\b|:)[*_: \t]*|(?<!#)####(?!#)[ \t]*",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def text_key(text: str, match: TextMatch) -> str | None:
    """The key that equal answers share; None for a text that says nothing, or is too long."""
    text = _bare(text)
    if not text or len(text) > MAX_CHARS:
        return None
    if match == "exact":
        return text
    plain = unicodedata.normalize("NFKC", text).casefold()
    spaced = "".join(" " if unicodedata.category(c)[0] in "PSZ" else c for c in plain)
    words = _ARTICLE.sub(" ", spaced).split() or spaced.split() or [plain]
    return " ".join(words)


def stated_text(text: str) -> tuple[str, str | None]:
    """The reasoning of a text and the answer that it states last, to the end of that line; of a
    single line without a statement, the line. None where it states no answer."""
    found = list(_STATED.finditer(text))
    if found:
        line = text[found[-1].end() :].split("\n", 1)[0]
        answer = _bare(line)
        return text[: found[-1].start()].rstrip(), answer or None
    lines = text.strip().splitlines()
    return ("", _bare(lines[0]) or None) if len(lines) == 1 else (text, None)


def _bare(text: str) -> str:
    """The text without marks, white space and a full stop at its ends."""
    return text.strip().strip(_ENDS).removesuffix(".").strip(_ENDS)
