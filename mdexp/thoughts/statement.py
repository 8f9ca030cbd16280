r"""Finds where a text states its answer: "The answer is 12", "#### 12", `\boxed{12}`, a bold last
line.

The last statement counts; one that states nothing ("so our answer is correct", "#### Step 2") is
none. Only the last `MAX_MARKERS` are looked at, so that no text takes long.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mdexp.answers import canonical, fitting
from mdexp.records import Expected
from mdexp.thoughts.stated_value import (
    END,
    MAX_CHARS,
    NOTHING,
    UNREADABLE,
    Value,
    sentence,
    value_stated,
)

MAX_MARKERS = 20
_MARKER = re.compile(
    r"answer[*_\"']{0,3}\s{0,3}(?:\([\w ]{1,40}\)\s{0,3})?"
    r"(?:(?:to|for)\s[^.:\n]{1,60}?\s)?"
    r"(?:is|would\sbe|will\sbe|must\sbe|:|=|(?P<heading>(?=[*_]{0,3}[ \t]{0,3}\n)))"
    r"[*_\"']{0,3}[ \t]{0,9}:?[*_]{0,3}"
    r"|(?<!\#)(?P<hashes>\#{4})(?!\#)|ans\s{0,3}=[*_]{0,3}",
    re.IGNORECASE,
)
# What may stand before a marker and belongs to its statement.
_BEFORE_MARKER = re.compile(
    r"(?<!\w)(?:(?:so|therefore|thus|hence|and|then),?\s{1,3})?(?:(?:the|our|my)\s{1,3})?"
    r"(?P<final>(?:final|correct)\s{1,3})?\Z",
    re.IGNORECASE,
)
MAX_BEFORE = 40  # characters
_BOXED = re.compile(r"\\(?:boxed|fbox)\s?\{")
_OPENING = re.compile(  # a sentence that opens with yes or no
    r"(?:\A|(?<=[.!?:*>\n(\"]))\s{0,3}(?:(?:so|therefore|thus|hence),?\s)?[*_]{0,3}"
    r"\b(?P<word>yes|no|true|false)\b[*_]{0,3}(?=\s{0,3}(?:[.,:;!)<–—\n]|\Z))",
    re.IGNORECASE,
)
_BOLD = re.compile(r"\*\*[^*\n]{1,100}\*\*")
_HEAD = re.compile(r"(?:[\s*_$]|\\\[|\\\(){0,40}")
_STEP = re.compile(r"\s{0,3}\d{1,3}[.):]\s{0,3}[^\d\s]")  # "1. Count the bags"
_CLOSING = " \t.,;:*_$\n\\])"


@dataclass(frozen=True, slots=True)
class Statement:
    """A stated answer. `answer` is None where it is no single value; `bare`: it stands alone, with
    nothing beside it that reasons."""

    start: int
    end: int
    answer: str | None
    bare: bool = True


def last_statement(text: str, expected: Expected) -> Statement | None:
    """The last place of a text that states an answer of the expected kind."""
    found = (
        _read(text, start, end, kind, expected) for start, end, kind in _places(text, expected)
    )
    return next((statement for statement in found if statement), None)


def states_something(text: str) -> bool:
    """Whether a text says of an answer what it is, though it may be no value: "is unknown"."""
    return any(
        kind == "marker" and _rest_of_line(text, end) for _, end, kind in _marker_places(text)
    )


def unboxed(text: str) -> str:
    r"""The text with the content of each `\boxed{...}` in its place."""
    parts, position = [], 0
    for match in _BOXED.finditer(text):
        if match.start() >= position and (end := _closed(text, match.end())):
            parts += [text[position : match.start()], text[match.end() : end - 1]]
            position = end
    return "".join([*parts, text[position:]])


Place = tuple[int, int, str]  # start, end of the marker, what it is


def _places(text: str, expected: Expected) -> Iterator[Place]:
    """Where an answer may be stated, from the last to the first, a marker before its own value."""
    markers = _marker_places(text)
    places = [(m.start(), m.end(), "box") for m in list(_BOXED.finditer(text))[-MAX_MARKERS:]]
    if expected.kind in ("yes_no", "text"):
        openings = list(_OPENING.finditer(text))[-MAX_MARKERS:]
        places += [(m.start(), m.start("word"), "opening") for m in openings]
    last_line = max(text.rstrip().rfind("\n") + 1, len(text) - MAX_CHARS)
    bold = list(_BOLD.finditer(text, last_line))[-MAX_MARKERS:]
    places += [(m.start(), m.start(), "bold") for m in bold]
    for place in sorted(markers + places, reverse=True):
        if place not in markers:
            yield from (marker for marker in markers if _leads(text, marker, place))
        yield place


def _leads(text: str, marker: Place, place: Place) -> bool:
    """Whether a marker has a place as its value, as in "The answer is **12**"."""
    return 0 <= place[0] - marker[1] < MAX_BEFORE and not text[marker[1] : place[0]].strip(
        " \t\n*_$\\[("
    )


def _marker_places(text: str) -> list[Place]:
    places = []
    for match in list(_MARKER.finditer(text))[-MAX_MARKERS:]:
        behind = max(0, match.start() - MAX_BEFORE)
        led = _BEFORE_MARKER.search(text[behind : match.start()])
        if led and (match["heading"] is None or led["final"]):
            kind = "####" if match["hashes"] else "marker"
            places.append((behind + led.start(), match.end(), kind))
    return places


def _rest_of_line(text: str, end: int) -> str:
    return text[end : end + MAX_CHARS].split("\n")[0].strip(" \t*_")


def _read(text: str, start: int, end: int, kind: str, expected: Expected) -> Statement | None:
    match kind:
        case "box":
            return _in_box(text, start, end, expected)
        case "bold":
            return _in_bold(text, start, expected)
        case "####" if _STEP.match(text, end):
            return None
    if kind != "opening" and not _rest_of_line(text, end):
        return _on_next_line(text, start, end, expected)
    value = value_stated(_behind(text, end), expected)
    if kind == "####" and not _is_bare(_behind(text, end), expected):
        return None
    stop = END.search(text, end)
    return _statement(start, stop.end() if stop else len(text), value, bare=kind != "opening")


def _on_next_line(text: str, start: int, end: int, expected: Expected) -> Statement | None:
    """A value alone on the next line, or the last line of a text: else the marker was a heading."""
    head = _HEAD.match(text, end)
    begin = head.end() if head else end
    stop = text.find("\n", begin)
    line = text[begin:] if stop < 0 else text[begin : min(stop, begin + MAX_CHARS)]
    bare, value = _is_bare(line, expected), value_stated(line, expected)
    if not bare and text[begin + len(sentence(line)) :].strip(_CLOSING):
        return None
    if value is UNREADABLE and not line[:1].isdigit():
        return None  # a sentence below a heading, not a value
    return _statement(start, begin + len(line), value, bare=bare)


def _in_box(text: str, start: int, end: int, expected: Expected) -> Statement | None:
    closed = _closed(text, end)
    if not closed:
        return None
    value = value_stated(text[end : closed - 1], expected)
    line = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", closed)
    behind = text[closed:] if stop < 0 else text[closed:stop]
    bare = not (text[line:start] + behind).strip(_CLOSING + "[(")
    return _statement(line if bare else start, closed, value, bare=bare)


def _in_bold(text: str, start: int, expected: Expected) -> Statement | None:
    bold = _BOLD.match(text, start)
    assert bold, "found there before"
    if not _is_bare(bold[0], expected):
        return None
    line = text.rfind("\n", 0, start) + 1
    bare = not (text[line:start] + text[bold.end() :]).strip(_CLOSING)
    return _statement(start, bold.end(), value_stated(bold[0], expected), bare=bare)


def _statement(start: int, end: int, value: Value, *, bare: bool) -> Statement | None:
    if value is NOTHING:
        return None
    answer = None if value is UNREADABLE else str(value)
    return Statement(start=start, end=end, answer=answer, bare=bare)


def _behind(text: str, end: int) -> str:
    return text[end : end + MAX_CHARS].lstrip(" \t")


def _is_bare(line: str, expected: Expected) -> bool:
    """Whether a line is a value, and a unit at most."""
    words = sentence(line).strip("*_$ \t")
    if expected.kind == "options" and isinstance(value_stated(line, expected), str):
        return True
    return canonical(words) is not None and fitting(words, expected) is not None


def _closed(text: str, start: int) -> int:
    """Where a brace that was opened before `start` is closed; 0 where it is not."""
    depth = 1
    for position in range(start, min(len(text), start + MAX_CHARS)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position + 1
    return 0
