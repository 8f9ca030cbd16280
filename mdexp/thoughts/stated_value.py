"""Reads the value after "The answer is": a number, yes or no, or the letter of an option.

One of three comes back: the value as it is written; `NOTHING` where the words state no value ("so
our answer is correct"); `UNREADABLE` where they state something that is no single value ("12 hours
30 minutes", "12 or 13"), which is never read by its first number.
"""

import re
from enum import Enum
from itertools import pairwise
from typing import Literal

from mdexp.algebra.numerals import plain_numerals
from mdexp.answers import LATEX, MIXED, NUMBER, canonical, fitting, letters
from mdexp.records import Expected


class NoValue(Enum):
    NOTHING = "nothing"
    UNREADABLE = "unreadable"


NOTHING: Literal[NoValue.NOTHING] = NoValue.NOTHING
UNREADABLE: Literal[NoValue.UNREADABLE] = NoValue.UNREADABLE
Value = str | NoValue

MAX_CHARS = 400  # of what states a value
# What ends a sentence: a full stop that is no decimal point and ends no abbreviation.
END = re.compile(
    r"(?<!\bRs)(?<!\bapprox)(?<!\bca)(?<!\bcirca)(?<!\bNo)(?<!\bvs)\.(?![\d\w])|[;\n]",
    re.IGNORECASE,
)
_MARKS = " \t\"'<>*_`$~≈"
_NUMBER = rf"(?:[-−]?\d{{0,9}}{LATEX}|[-−]?{MIXED}|{NUMBER})"
_NUMBER_IN = re.compile(rf"(?<![A-Za-z0-9_])(?<!\d[.:/]){_NUMBER}(?:\s?/\s?\d+(?![\d.]))?")
_BOLD = re.compile(r"\*\*([^*\n]{1,100})\*\*")
# A clause that only explains: ", since 3 + 4 is 7", " because ...", " (3 bags of 4)".
_EXPLAINED = re.compile(
    r",\s(?=[A-Za-z\"])(?!(?:or|and)\b)|\s(?=(?:because|since|as|which|when|if|so)\s)|\s\("
)
# "12 apples in 3 bags": the second number qualifies the first.
_SAYS_MORE = re.compile(
    r"\b(?:of|in|for|from|after|on|with|at|than|per|by|to|each|every|all|can|will|are|who|that)\b"
)
_FURTHER = re.compile(r"\b(?:and|or)\b|,")  # before another value, or another clause
_WITH_A_PART = re.compile(r"\band (?:a|one|two|three) (?:half|third|quarter)", re.IGNORECASE)
# "After 3 days, they have 40": what leads a sentence in is not what it says.
_LED_IN = re.compile(
    r"\A\W{0,3}(?:after|before|in|with|for|from|on|if|when|since|at|over|during)\b[^,]{1,100},\s",
    re.IGNORECASE,
)
# "Each of the 10 guests had 18 cookies": the number that the sentence is about.
_SAID = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|makes?|made|creates?|needs?|needed|gets?|got|left|"
    r"costs?|receives?|received|equals?|pays?|paid|earns?|earned|spends?|spent|bought|sold|ate|"
    r"weighs?|weighed)\s(?:only\s|about\s|approximately\s|exactly\s)?[$€£]?\Z"
)
_SPAN = re.compile(r"\b(?:between|from|either)\b", re.IGNORECASE)
_KNOWN = re.compile(r"(?:['’]s|\b(?:the|his|her|their|its|these|those))\s\Z", re.IGNORECASE)
_BELOW_ZERO = re.compile(r"\b(?:negative|minus)\s\Z", re.IGNORECASE)
_TIME = re.compile(r"\d\s?[:–—]\s?\d")
_YES_NO = re.compile(
    r"[\W_]{0,9}(yes|no|true|false)\b(?!\s(?:one|longer|more|way|such|doubt|evidence)\b)",
    re.IGNORECASE,
)
_OPTION = re.compile(
    r"[\W_]{0,9}(?:(?i:option|choice)\s)?[\W_]{0,3}([A-J])(?![\w'’])(.{0,12})", re.DOTALL
)
_AN_ARTICLE = re.compile(r"\s[a-z]")  # "A bag", but not "A because"
_REASON = re.compile(r"\s(?:because|since|as|is|for)\b")


def value_stated(text: str, expected: Expected) -> Value:
    """The value at the head of a text, up to the end of its sentence."""
    match expected.kind:
        case "number":
            return _number(text)
        case "yes_no":
            found = _YES_NO.match(plain_numerals(text[:MAX_CHARS]))
            return found[1].lower() if found else NOTHING
        case "options":
            return _option(text, expected)
        case "text":
            kinds = (Expected(), Expected(kind="yes_no"), Expected(kind="options"))
            values = [value_stated(text, kind) for kind in kinds]
            return next((value for value in values if value is not NOTHING), NOTHING)


def sentence(text: str) -> str:
    """The head of a text, up to the end of its first sentence."""
    end = END.search(text, 0, MAX_CHARS)
    return text[: end.start()] if end else text[:MAX_CHARS]


def last_number(text: str) -> str | None:
    """The last number of a text, whatever it is the number of."""
    for line in reversed(text.split("\n")):
        if not line.isascii() or any(digit in line for digit in "0123456789"):
            numbers = _NUMBER_IN.findall(plain_numerals(line))
            if readable := [number for number in numbers[-2:] if fitting(number, Expected())]:
                return readable[-1]
    return None


def _number(text: str) -> Value:
    text = plain_numerals(sentence(text))
    if _WITH_A_PART.search(text):
        return UNREADABLE
    if "=" in text:
        text = text.rsplit("=", 1)[1]
    text = _LED_IN.sub("", text)
    for part in (text, _unexplained(text)):
        if fitting(part := part.strip(_MARKS), Expected()):
            return part
    bold = [found for found in _BOLD.findall(text) if fitting(found, Expected())]
    return bold[-1] if bold else _number_within(part)


def _number_within(text: str) -> Value:
    """The number that a clause is about; its further numbers may only say more of that."""
    found = list(_NUMBER_IN.finditer(text))
    if not found:
        return NOTHING
    if _TIME.search(text):
        return UNREADABLE
    said = [i for i, match in enumerate(found) if _SAID.search(text[: match.start()])]
    chosen = said[0] if len(said) == 1 else 0
    before = text[: found[chosen].start()]
    if len({canonical(match[0]) for match in found}) > 1:
        between = [text[a.end() : b.start()] for a, b in pairwise(found)]
        if (not said and _KNOWN.search(before)) or _SPAN.search(before):
            return UNREADABLE
        behind = between[chosen : chosen + 1]
        if (chosen and _FURTHER.search(between[chosen - 1])) or not all(map(_says_more, behind)):
            return UNREADABLE
    value = f"-{found[chosen][0]}" if _BELOW_ZERO.search(before) else found[chosen][0]
    return value if fitting(value, Expected()) else UNREADABLE


def _says_more(between: str) -> bool:
    """Whether the words before a further number mark it as a side remark ("apples in") and not as a
    second value ("apples and")."""
    return _SAYS_MORE.search(_FURTHER.split(between)[-1]) is not None


def _unexplained(text: str) -> str:
    """A sentence up to what only explains its number."""
    for match in _EXPLAINED.finditer(text):
        if any(character.isdigit() for character in text[: match.start()]):
            return text[: match.start()]
    return text


def _option(text: str, expected: Expected) -> Value:
    said = plain_numerals(text[:MAX_CHARS])
    if (found := _OPTION.match(said)) and _is_letter(found[1], found[2], expected):
        return found[1]
    whole = sentence(said).strip(_MARKS)
    return str(letter) if (letter := fitting(whole, expected)) is not None else NOTHING


def _is_letter(letter: str, behind: str, expected: Expected) -> bool:
    """Whether a capital names an option: "A bag" and "I think" begin a sentence."""
    is_word = letter in "AI" and _AN_ARTICLE.match(behind) and not _REASON.match(behind)
    return letter.lower() in letters(expected.options) and not is_word
