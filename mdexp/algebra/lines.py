"""Finds the equations in the lines of a text.

Left out: fences, marks of mathematics, numbers of equations and remarks (remarks.py), comment lines
(`%`, `#`, `//`), comments after an equation (after `%` or `//`, if two words follow) and prose: a
line without a relation, one with three words in a row, one that explains a name in words
(`x = apples sold`). Any other line that does not parse is an error.

Units after numbers are dropped (units.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from mdexp.algebra.bounds import Refused
from mdexp.algebra.elimination import Equation
from mdexp.algebra.expressions import RELATIONS, NotAnExpression, parse_expression, tokens
from mdexp.algebra.notation import plain_notation
from mdexp.algebra.remarks import (
    MAX_WORD,
    Numbers,
    known_names,
    unclear,
    without_lone_remarks,
    without_mark,
    without_remarks,
)
from mdexp.algebra.units import AFTER_NUMBER, without_units

MAX_BYTES = 8 * 1024
MAX_EQUATIONS = 96

_SIGNS = str.maketrans({"½": "(1/2)", "¼": "(1/4)", "¾": "(3/4)", "’": "'", "′": "'"})
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_EXPONENT = re.compile(rf"[{_RAISED}]+")
_RELATION = re.compile(r"[=≈<>≤≥≠]")
_MAYBE_RELATION = re.compile(r"[=≈<>≤≥≠:\\⇒⟹→⟶∴]")
_COMMENT_LINE = re.compile(r"\s*(?:%|#|//|```|~~~)")
_WORD = r"\b[^\W\d_]+\b"  # with its ends, a search of it takes linear time
_LONG = re.compile(rf"\w{{{MAX_WORD + 1}}}")
_COMMENT = re.compile(rf"(?:#|(?:%|//)\s+(?!of\b)(?={_WORD}'?\w*\s+{_WORD})).*")
_LEAD = re.compile(
    r"\s*(?:(?:let|so|then|thus|hence|therefore|where|and|since|now|we have)\b,?\s+(?=[\w($]))+",
    re.I,
)
_LED_ON = re.compile(r"([,;]) ?(?:so|then|thus|hence|therefore|and|where)\b,? (?=[\w($])", re.I)
_MATHEMATICS = re.compile(r"\s*(?:`+(.*?)`+|\$+(.*?)\$+)[\s.,;]*")
# `bags : apples = 2` and `a: b = 2` are ratios.
_LABEL = re.compile(r"\s*[^\W\d_]{2,}\.?(?:(?: [\w().'&]+)+ ?)?:\s*(?!=)")
_ASKED = re.compile(r"\s*(ans|answer|result)\s*:\s*(?!=)", re.I)
_WORDS = re.compile(r"\b[^\W\d_]+,?\s+[^\W\d_]+\b")
_PROSE = re.compile(rf"{_WORD}(?:,?\s+{_WORD}){{2}}(?![\w(])")
_NAMED_UNIT = re.compile(r"(=\s*(?:[^\W\d_]|\w*[\d_]\w*)'*)(?:\s+[^\W\d_]{2,})+$")
_IN_WORDS = re.compile(rf"(?<!ans)(?<!answer)(?<!result)\s=\s*{_WORD}(?:\s+{_WORD})+[\s.]*$")

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
    lines = list(equation_lines(text))
    for number, line in lines:
        if _LONG.search(line):
            raise Refused(f"a word of more than {MAX_WORD} characters (line {number})")
    _refuse_unclear(lines)
    lines = without_units(lines)
    equations: list[Equation] = []
    for number, line in lines:
        equations += _equations(line, number)
        if len(equations) > MAX_EQUATIONS:
            raise Refused(f"more than {MAX_EQUATIONS} equations")
    return System(equations, any(_DECIMAL.search(line) for _, line in lines))


def equation_lines(text: str) -> list[tuple[int, str]]:
    """Number and content of the lines that are equations; of equal lines the first."""
    written = text.split("\n")
    for number, line in enumerate(written, 1):
        if len(line) > MAX_BYTES and _RELATION.search(line) and not _PROSE.search(line):
            return [(number, line)]  # as it stands it is refused
    found: list[tuple[int, str]] = []
    seen: set[str] = set()
    size = 0
    numbers = Numbers()
    for number, line in enumerate(
        plain_notation("\n".join(map(_promising, written))).split("\n"), 1
    ):
        if line in seen:
            continue
        seen.add(line)
        if asked := _ASKED.match(line):
            line = f"{asked[1]} = {line[asked.end() :]}"
        if not _RELATION.search(line) or _COMMENT_LINE.match(line):
            continue
        line = _bare(line, numbers)
        if _WORDS.search(line):
            line = _NAMED_UNIT.sub(r"\1", line)
            if _is_prose(line):
                continue
        if _RELATION.search(line):
            found.append((number, line))
            size += len(line)
            if size > MAX_BYTES:
                break  # as it stands it is refused
    lines = without_lone_remarks([line for _, line in found], AFTER_NUMBER)
    return [
        (number, " ".join(line.split())) for (number, _), line in zip(found, lines, strict=True)
    ]


def _promising(line: str) -> str:
    """A line that may have an equation in it; else nothing."""
    return line if len(line) <= MAX_BYTES and _MAYBE_RELATION.search(line) else ""


def _bare(line: str, numbers: Numbers) -> str:
    """A line without what stands before and after its equations."""
    line = " ".join(numbers.without(line).split())
    if not line.isascii():
        line = _EXPONENT.sub(_lowered, line.translate(_SIGNS))
    line = without_mark(without_remarks(_COMMENT.sub("", line)))
    for head in (_LEAD, _LABEL):
        if match := head.match(line):
            line = line[match.end() :]
    if marked := _MATHEMATICS.fullmatch(line):
        line = "".join(filter(None, marked.groups()))
    return _LED_ON.sub(r"\1 ", line).strip(" .,;")


def _is_prose(line: str) -> bool:
    bare = AFTER_NUMBER.sub(r"\g<number>", line)
    return bool(_PROSE.search(bare) or _IN_WORDS.search(bare))


def _refuse_unclear(lines: list[tuple[int, str]]) -> None:
    """NotAnEquation if parentheses may hold a factor, a remark or an argument."""
    known = known_names([line for _, line in lines], AFTER_NUMBER)
    for number, line in lines:
        if found := unclear(line, known) if "(" in line else "":
            raise NotAnEquation(f"{found} may be a factor or not (line {number})")


def _lowered(exponent: re.Match[str]) -> str:
    return "^" + "".join(str(_RAISED.index(digit)) for digit in exponent[0])


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
    parsed = [parse_expression(side) for side in sides]
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
