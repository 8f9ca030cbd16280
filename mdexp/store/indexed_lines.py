"""Reads large JSON Lines files without keeping their content in memory: single lines on request,
and windows of complete problems."""

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from mdexp.store.json_lines import as_record, each_record, json_objects, objects_of_file

Record = TypeVar("Record")


class IndexedLines:
    """A file that is read once with `objects` and then line by line. It keeps eight bytes per line:
    where the line begins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.begins = array("q")

    def objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Number, from 1, and object of each line that is not blank. JsonLinesError."""
        self.begins = array("q")
        with self.path.open("rb") as lines:
            yield from json_objects(self._noted(lines), self.path)

    def object(self, number: int) -> dict[str, Any]:
        """The object of a line that `objects` has read."""
        with self.path.open("rb") as file:
            file.seek(self.begins[number - 1])
            [(_, row)] = json_objects([file.readline()], self.path)
        return row

    def _noted(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        place = 0
        for line in lines:
            self.begins.append(place)
            place += len(line)
            yield line


class IndexedRecords(Generic[Record]):
    """The records of a file: read once in order, then by number from 0."""

    def __init__(self, path: Path, record: type[Record]) -> None:
        self.record = record
        self.lines = IndexedLines(path)
        self.numbers = array("q")  # of the lines

    def __iter__(self) -> Iterator[Record]:
        """All records; JsonLinesError names a line that does not fit."""
        self.numbers = array("q")
        to_record = as_record(self.lines.path, self.record)
        for number, fields in self.lines.objects():
            self.numbers.append(number)
            yield to_record(number, fields)

    def __getitem__(self, place: int, /) -> Record:
        """A record that was already read."""
        return self.record(**self.lines.object(self.numbers[place]))


def windows(path: Path, record: type[Record], size: int) -> Iterator[list[Record]]:
    """The records of a file, in order, in lists of at least `size`: those of one `problem_id` are
    in one list. If a problem's records are far apart, the list is long. JsonLinesError."""
    last: dict[str, int] = {}  # position of each problem's last record
    for place, (_, row) in enumerate(objects_of_file(path)):
        last[str(row.get("problem_id"))] = place
    window: list[Record] = []
    until = -1  # the window must not end before this position
    for place, one in enumerate(each_record(path, record)):
        window.append(one)
        until = max(until, last[one.problem_id])  # type: ignore[attr-defined]
        if len(window) >= size and place == until:
            yield window
            window = []
    if window:
        yield window
