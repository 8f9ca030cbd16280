"""Removes equation numbers and remarks in parentheses, which are not factors.

`x + y = 15 (1)` has an equation number if numbers are in order, or stand far from the equation.
`b = 3 (bags)` has a remark if no equation has the name `bags`; if one has, it is unclear which of
the two is meant, and the text is refused.
"""

import re
from collections.abc import Collection, Iterable, Sequence

from mdexp.algebra.expressions import FOREIGN, FUNCTIONS, NAME

MAX_WORD = 60  # characters
_WORD = r"[^\W\d_]+"
# `- x = 5` is an item of a list, `- 2x = 5` and `-x = 5` begin with a minus.
_BULLET = r"[*•>]\s+|-\s+(?=[^\W\d])"
_MARK = re.compile(
    rf"\s*(?:(?:\d{{1,2}}[.)]|[A-Za-z]\))\s+(?:{_BULLET})?|{_BULLET}"
    r"|\(\d{1,2}\)\s+(?=[\w$√*.]|-\w))"
)
_NUMBERED = re.compile(
    r"(?P<before>^|[,;]|\band\b)\s*\((?P<number>\d{1,2})\)\s+(?P<sign>[-+*/^=]\s)?"
)
_NUMBER = re.compile(
    r"(?<=[\w)\]}%'])(?P<far>[ ,.]{0,3}(?:\.{2,20}|…{1,20}|[-–—]{2,20}|—) ?|[,.]?   )? ?[,.]? ?"
    r"(?P<open>(?<=[\s.…–—-])[(\[])(?P<eq>eq(?:uation|n)?s?\.? *)?(?P<number>\d{1,2})[)\]]"
    r"(?=\s*(?:[,;.]?\s*$|[,;]|and\b))",
    re.IGNORECASE,
)
_STARS = re.compile(r"\s+\((?:\*+|†|‡)\)\s*$")
_SUM_OF_NUMBERS = re.compile(
    r"(?<=[\w)\]}%.'])\s+\(\d{1,2}\)(?:\s*(?:[-+,&]|and)\s*\(\d{1,2}\))+\s*$"
)
_SOURCE = re.compile(
    r"(?: |, ?|\()(?:from|by|using|see|via) (?:\(\d{1,2}\)|eq(?:uation|n)?s?\.? ?\(?\d{1,2}\)?)"
    r"(?: ?(?:,|and) ?\(?\d{1,2}\)?)?\)?[ .]*$",
    re.IGNORECASE,
)
_REMARK = re.compile(rf"\(\s*{_WORD}(?:(?:\s+|,\s*|-){_WORD})+[.!]?\s*\)")
_REASON = re.compile(
    r"\(\s*(?:since|because|from|given|where|see|using|by|as|note|i\.e\.|e\.g\.|that is)"
    r"[:,]?\s+(?![-+*/^=])[^()]*\)",
    re.IGNORECASE,
)
_LONE = re.compile(
    rf"(?P<before>(?<![^\W\d])[^\W\d]\w{{,{MAX_WORD}}}'*|[\d.)\]}}%])"
    rf"(?P<gap> *)\( *(?P<name>{NAME}) *\)"
    r"(?=\s*(?:$|[=≈<>,;.]))"
)
_COUNTED = re.compile(r"(?<=[\w)\]}%'])\s+\((?=[^()]*\d)(?=[^()]*[^\W\d_]{2})[\w\s.,$]*\)$")
_LETTERED = re.compile(r"\((?P<name>[a-h]|[A-H]|[ivx]{1,4})\) (?![-+*/^=] )")
_VALUE_OF_FUNCTION = re.compile(rf"(?P<name>{NAME})\( ?[\d.]+ ?\) ?=")  # `f(1) = 5`
_NAME = re.compile(NAME)


def without_mark(line: str) -> str:
    """A line without the mark or number of a list before it."""
    found = _MARK.match(line)
    return line[found.end() :] if found else line


class Numbers:
    """The numbers of equations in a text, which come in order."""

    def __init__(self) -> None:
        self.last = 0

    def without(self, line: str) -> str:
        """A line without the numbers of its equations, and what refers to them."""
        if "(" not in line and "[" not in line and "from" not in line:
            return line
        line = _NUMBERED.sub(self.unnumbered, line)
        line = _SUM_OF_NUMBERS.sub(lambda m: "" if self.refers(m) else m[0], line)
        line = _STARS.sub("", _SOURCE.sub("", line))
        return _NUMBER.sub(lambda m: "" if self.follows(m) else m[0], line)

    def unnumbered(self, found: re.Match[str]) -> str:
        """What stands there without the number; `(3) + x` is a sum unless (2) came before."""
        sign = found["sign"] or ""
        if sign and not 0 < self.last == int(found["number"]) - 1:
            return found[0]
        return f"{found['before']} {sign}" if self.follows(found) else found[0]

    def refers(self, found: re.Match[str]) -> bool:
        """Whether all numbers of a text are those of earlier equations."""
        return max(map(int, re.findall(r"\d+", found[0]))) <= self.last

    def follows(self, found: re.Match[str]) -> bool:
        """Whether a number is one of an equation; if so, the next one follows it."""
        number = int(found["number"])
        groups = found.groupdict()
        if number in (1, self.last + 1) or groups.get("far") or groups.get("eq"):
            self.last = number
            return True
        return False


def without_remarks(line: str) -> str:
    """A line without parentheses that hold words alone, or a reason."""
    return _REASON.sub(" ", _REMARK.sub(" ", line)) if "(" in line else line


def without_lone_remarks(lines: Sequence[str], units: re.Pattern[str]) -> list[str]:
    """The lines without single words in parentheses that are no names of the system."""
    if not any(_LONE.search(line) or _LETTERED.match(line) for line in lines):
        return list(lines)
    known = known_names(lines, units)
    return [
        _LONE.sub(lambda m: m["before"] if _is_remark(m, known) else m[0], _unlettered(line, known))
        for line in lines
    ]


def unclear(line: str, known: Collection[str]) -> str:
    """What may be a factor or something else; empty if all is clear."""
    value = _VALUE_OF_FUNCTION.match(line)
    if value and value["name"] not in FUNCTIONS | FOREIGN:
        return value[0].rstrip(" =")
    for found in _LONE.finditer(line):
        called = found["before"] in FUNCTIONS | FOREIGN
        if found["gap"] and len(found["name"]) > 1 and found["name"] in known and not called:
            return f"({found['name']})"
    counted = _COUNTED.search(line)
    return counted[0].strip() if counted else ""


def known_names(lines: Iterable[str], units: re.Pattern[str]) -> set[str]:
    """The names of a system, without units and without words alone in parentheses."""
    names: set[str] = set()
    for line in lines:
        bare = _LONE.sub(lambda m: m["before"] if m["gap"] else m[0], _unmarked(line))
        names.update(_NAME.findall(units.sub(" ", bare)))
    return names


def _unmarked(line: str) -> str:
    found = _LETTERED.match(line)
    return line[found.end() :] if found else line


def _unlettered(line: str, known: Collection[str]) -> str:
    """A line without its letter in a list, `(a) x = 3`."""
    found = _LETTERED.match(line)
    return line[found.end() :] if found and found["name"] not in known else line


def _is_remark(found: re.Match[str], known: Collection[str]) -> bool:
    before = found["before"]
    apart = bool(found["gap"]) or not _NAME.fullmatch(before)
    return apart and before not in FUNCTIONS | FOREIGN and found["name"] not in known
