"""Which lines of a text are equations, and what they say.

Left out: fences, marks of mathematics, comment lines (`%`, `#`, `//`), comments after an equation
(after `%` or `//`, if two words follow) and prose: a line without a relation, one with three words
in a row, one that explains a name in words (`x = apples sold`). Any other line that does not parse
is an error.

Units after numbers are dropped (`3 hours`, `5 dollars per hour`): words of two or more letters
that are no name elsewhere in the text. A single letter always is a name, `2 x` a product.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from mdexp.algebra.bounds import Refused
from mdexp.algebra.elimination import Equation
from mdexp.algebra.expressions import (
    NAME,
    RELATIONS,
    UNSIGNED,
    NotAnExpression,
    parse,
    tokens,
)

MAX_BYTES = 8 * 1024
MAX_EQUATIONS = 96
MAX_WORD = 60  # characters

_SIGNS = str.maketrans({"½": "(1/2)", "¼": "(1/4)", "¾": "(3/4)", "’": "'", "′": "'"})
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_EXPONENT = re.compile(rf"[{_RAISED}]+")
_RELATION = re.compile(r"[=≈<>≤≥≠]")
_COMMENT_LINE = re.compile(r"\s*(?:%|#|//|```|~~~)")
_WORD = r"\b[^\W\d_]+\b"  # with its ends, a search of it takes linear time
_LONG = re.compile(rf"\w{{{MAX_WORD + 1}}}")
_COMMENT = re.compile(rf"(?:#|(?:%|//)\s+(?!of\b)(?={_WORD}'?\w*\s+{_WORD})).*")
_REMARK = re.compile(rf"\(\s*{_WORD}(?:\s+{_WORD})+\s*\)")
# `- x = 5` is an item of a list, `- 2x = 5` and `-x = 5` begin with a minus.
_MARK = re.compile(r"\s*(?:[*•>]\s+|-\s+(?=[^\W\d])|\(?\d{1,2}[.)]\s+(?=\D))")
_LEAD = re.compile(
    r"\s*(?:(?:let|so|then|thus|hence|therefore|where|and|since|now|we have)\b,?\s+(?=[\w($]))+",
    re.I,
)
_MATHEMATICS = re.compile(r"\s*(?:`+(.*?)`+|\$+(.*?)\$+|\\\[(.*?)\\\]|\\\((.*?)\\\))[\s.,;]*")
_LABEL = re.compile(rf"\s*{_WORD}(?:\s+{_WORD})*\s*\d*\s*:\s*(?!=)")
_ASKED = re.compile(r"\s*(ans|answer|result)\s*:\s*(?!=)", re.I)
_WORDS = re.compile(r"\b[^\W\d_]+,?\s+[^\W\d_]+\b")
_PROSE = re.compile(rf"{_WORD}(?:,?\s+{_WORD}){{2}}(?![\w(])")
_NAMED_UNIT = re.compile(r"(=\s*(?:[^\W\d_]|\w*[\d_]\w*)'*)(?:\s+[^\W\d_]{2,})+$")
_IN_WORDS = re.compile(rf"(?<!ans)(?<!answer)(?<!result)\s=\s*{_WORD}(?:\s+{_WORD})+[\s.]*$")

_AFTER_NUMBER = re.compile(
    rf"(?P<number>(?<![\w.])(?:{UNSIGNED})\s*%?|\))(?P<gap> *)"
    rf"(?P<words>{NAME}(?:(?: +| */ *)(?=[^\W\d]){NAME})*)(?! *\()"
)
_CANDIDATE = re.compile(r"[\d)%] *[^\W\d]")
_UNIT_BEHIND = re.compile(r"[\d.)%] *[^\W\d_]{2}")
_NAME = re.compile(NAME)
_UNIT = re.compile(r"[^\W\d_]{2,}")
_DECIMAL = re.compile(r"\.\d|%|≈")


class NotAnEquation(ValueError):
    """A line looks like an equation and is none; the message says why and gives the line."""


@dataclass(frozen=True, slots=True)
class System:
    """The equations of a text."""

    equations: list[Equation]
    rounded: bool  # whether a number is written with decimals, so that others may be rounded


def read(text: str) -> System:
    """The equations of a text. NotAnEquation or, above the bounds, Refused."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise Refused(f"more than {MAX_BYTES} bytes")
    lines = _without_units(list(equation_lines(text)))
    equations: list[Equation] = []
    for number, line in lines:
        equations += _equations(line, number)
        if len(equations) > MAX_EQUATIONS:
            raise Refused(f"more than {MAX_EQUATIONS} equations")
    return System(equations, any(_DECIMAL.search(line) for _, line in lines))


def equation_lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and content of the lines that are equations."""
    for number, line in enumerate(text.split("\n"), 1):
        if asked := _ASKED.match(line):
            line = f"{asked[1]} = {line[asked.end() :]}"
        if not _RELATION.search(line) or _COMMENT_LINE.match(line):
            continue
        if _LONG.search(line):
            raise Refused(f"a word of more than {MAX_WORD} characters (line {number})")
        line = _bare(" ".join(line.split()))
        if _WORDS.search(line):
            line = _NAMED_UNIT.sub(r"\1", line)
            if _is_prose(line):
                continue
        if _RELATION.search(line):
            yield number, line


def _bare(line: str) -> str:
    """A line without what stands before and after its equations."""
    if not line.isascii():
        line = _EXPONENT.sub(_lowered, line.translate(_SIGNS))
    line = _COMMENT.sub("", line)
    if "(" in line:
        line = _REMARK.sub(" ", line)
    for head in (_MARK, _LEAD, _LABEL):
        if match := head.match(line):
            line = line[match.end() :]
    if marked := _MATHEMATICS.fullmatch(line):
        line = "".join(filter(None, marked.groups()))
    return line.strip(" .,;")


def _is_prose(line: str) -> bool:
    bare = _AFTER_NUMBER.sub(r"\g<number>", line)
    return bool(_PROSE.search(bare) or _IN_WORDS.search(bare))


def _lowered(exponent: re.Match[str]) -> str:
    return "^" + "".join(str(_RAISED.index(digit)) for digit in exponent[0])


def _without_units(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The lines without words after numbers that are no names elsewhere."""
    if not any(_UNIT_BEHIND.search(line) for _, line in lines):
        return lines
    if not any(_CANDIDATE.search(line) for _, line in lines):  # but after a full stop
        return lines
    names = {"and"}
    for _, line in lines:
        found = _NAME.findall(_AFTER_NUMBER.sub(" ", line))
        # In `3 apples + 2 pears = 7` nothing but the words can be the unknowns.
        names.update(found or _NAME.findall(line))
    return [
        (number, _AFTER_NUMBER.sub(lambda match: _numbered(match, names), line))
        for number, line in lines
    ]


def _numbered(match: re.Match[str], names: set[str]) -> str:
    """A number and the words after it, without those that are units."""
    words = match["words"]
    first = _NAME.match(words)
    assert first is not None
    if first[0] == "of":
        return f"{match['number']} * {words[2:]}"
    if first[0] in names or not _UNIT.fullmatch(first[0]):
        return match[0]
    kept = words
    while (word := _NAME.match(kept)) and word[0] not in names and _UNIT.fullmatch(word[0]):
        kept = kept[word.end() :].lstrip(" /")
    rest = words[len(words) - len(kept) :] if kept else ""
    return f"{match['number']} {rest}"


def _equations(line: str, number: int) -> Iterator[Equation]:
    """The equations that stand on one line, a chain `a = b = c` being two."""
    try:
        for piece in _split(tokens(line), {",", ";"}):
            yield from _chain(piece, number)
    except NotAnExpression as error:
        raise NotAnEquation(f"{error} (line {number})") from None
    except Refused as error:
        raise Refused(f"{error} (line {number})") from None


def _chain(piece: list[str], number: int) -> Iterator[Equation]:
    relations = [token for token in piece if token in RELATIONS]
    if not relations:
        raise NotAnExpression("no equals sign")
    if set(relations) - {"=", "≈"}:
        raise Refused("an inequality")
    sides = _split(piece, RELATIONS)
    if relations[0] == "=" and "≈" in relations:
        sides = sides[: relations.index("≈") + 1]  # what follows only rounds it
    parsed = [parse(side) for side in sides]
    for (left, left_names), (right, right_names) in pairwise(parsed):
        yield Equation(left, right, left_names, right_names, number)


def _split(found: list[str], separators: set[str] | frozenset[str]) -> list[list[str]]:
    """The tokens between separators that stand outside of parentheses."""
    if separators.isdisjoint(found):
        return [found]
    pieces: list[list[str]] = []
    start = depth = seen = 0
    for place in [place for place, token in enumerate(found) if token in separators]:
        between = found[seen:place]
        depth += between.count("(") - between.count(")")
        seen = place
        if depth == 0:
            pieces.append(found[start:place])
            start = place + 1
    return [*pieces, found[start:]]
