"""Units after numbers, which are dropped: `3 hours`, `5 dollars per hour`, `$5/hour`.

A unit is a word of two or more letters that is no name elsewhere in the text. A single letter
always is a name, `2 x` a product. After a stroke it has to be a unit of a rate: of money, of a
common measure, or of what is counted elsewhere; `12/bags` divides by a name.
"""

import re
from collections.abc import Iterable

from mdexp.algebra.expressions import NAME, UNSIGNED

AFTER_NUMBER = re.compile(
    rf"(?:(?P<money>[$€£] ?)?(?P<number>(?<![\w.])(?:{UNSIGNED})\s*%?)(?P<rate> */)?"
    r"|(?P<closed>\)))"
    rf"(?P<gap> *)(?P<words>{NAME}(?:(?: +| */ *)(?=[^\W\d]){NAME})*)(?! *\()"
)
_UNIT_BEHIND = re.compile(r"[\d.)%] */? *[^\W\d_]{2}")
_NAME = re.compile(NAME)
_UNIT = re.compile(r"[^\W\d_]{2,}")
_MEASURES = frozenset(
    {
        *("second", "sec", "minute", "min", "hour", "hr", "day", "week", "month", "year"),
        *("inch", "foot", "yard", "mile", "meter", "kilometer", "km", "gallon", "liter"),
        *("ounce", "pound", "lb", "gram", "kilogram", "kg", "dozen", "each", "person"),
    }
)


def without_units(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Numbered lines without words after numbers that are no names elsewhere."""
    if not any(_UNIT_BEHIND.search(line) for _, line in lines):
        return lines
    names = {"and"}
    counted: set[str] = set()
    for _, line in lines:
        found = _NAME.findall(AFTER_NUMBER.sub(" ", line))
        # In `3 apples + 2 pears = 7` nothing but the words can be the unknowns.
        names.update(found or _NAME.findall(line))
        counted.update(_counted(line))
    return [
        (number, AFTER_NUMBER.sub(lambda match: _numbered(match, names, counted), line))
        for number, line in lines
    ]


def _counted(line: str) -> Iterable[str]:
    """The words behind numbers, in the singular."""
    for match in AFTER_NUMBER.finditer(line):
        if not match["rate"]:
            yield from map(_singular, _NAME.findall(match["words"]))


def _singular(word: str) -> str:
    return word.lower().removesuffix("s").removesuffix("e")


def _numbered(match: re.Match[str], names: set[str], counted: set[str]) -> str:
    """A number and the words after it, without those that are units."""
    words = match["words"]
    number = match["number"] or match["closed"]
    first = _NAME.match(words)
    assert first is not None
    if match["rate"] and not (match["money"] or _is_measure(first[0], counted)):
        return match[0]
    if first[0] == "of":
        return f"{number} * {words[2:]}"
    if first[0] in names or not _UNIT.fullmatch(first[0]):
        return match[0]
    kept = words
    while (word := _NAME.match(kept)) and word[0] not in names and _UNIT.fullmatch(word[0]):
        kept = kept[word.end() :].lstrip(" /")
    rest = words[len(words) - len(kept) :] if kept else ""
    return f"{number} {rest}"


def _is_measure(word: str, counted: set[str]) -> bool:
    return word.lower().removesuffix("s") in _MEASURES or _singular(word) in counted
