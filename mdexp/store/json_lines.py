"""JSON Lines: the one parser for files of ours, of users and of standard input.

A byte order mark, CRLF and blank lines are harmless and passed over. Any other line that is no JSON
object in UTF-8 is an error that names file and line. So is NaN, an infinity or a key given twice.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Never, TypeVar

from pydantic import TypeAdapter

from mdexp.store.files import plain_data, write_text

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SHOWN = 60  # characters of a line, in an error
Record = TypeVar("Record")


class JsonLinesError(ValueError):
    """A line that cannot be used; the message names file and line and says why."""

    def __init__(self, name: str | Path, number: int, fault: object) -> None:
        super().__init__(f"{name}:{number}: {fault}")


def read_jsonl(path: Path, record: type[Record]) -> list[Record]:
    """Records of a file; JsonLinesError naming file and line where one does not fit."""
    adapter: TypeAdapter[Record] = TypeAdapter(record)
    records = []
    for number, fields in objects_of_file(path):
        try:
            # Through the constructor, not pydantic: it would turn a whole float into an int.
            adapter.validate_python(fields)
            records.append(record(**fields))
        except (ValueError, TypeError) as error:
            fault = f"not a {record.__name__}: {error}"
            raise JsonLinesError(path, number, fault) from error
    return records


def write_jsonl(path: Path, records: Iterable[Any]) -> None:
    """Write records (dataclasses or dicts), one JSON object a line, whole or not at all."""
    # In ASCII, since a model may write half a surrogate pair, which has no UTF-8.
    lines = (json.dumps(plain_data(record), allow_nan=False) for record in records)
    write_text(path, "".join(f"{line}\n" for line in lines))


def objects_of_file(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of a file, read as they are asked for."""
    with path.open("rb") as lines:
        yield from json_objects(lines, path)


def json_objects(lines: Iterable[bytes], name: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line that is not blank; JsonLinesError where it is none."""
    for number, text in text_lines(lines, name):
        try:
            row = json.loads(
                text,
                parse_constant=_refuse_constant,
                parse_float=_finite,
                object_pairs_hook=_without_twins,
            )
        except json.JSONDecodeError as error:
            fault = f"not JSON: {error.msg}, at character {error.colno}: {_shown(text)}"
            raise JsonLinesError(name, number, fault) from error
        except RecursionError as error:
            raise JsonLinesError(name, number, "not JSON: nested too deeply") from error
        except ValueError as error:  # a number of ours, or one of thousands of digits
            raise JsonLinesError(name, number, f"not JSON: {error}") from error
        if not isinstance(row, dict):
            fault = f"got {_shown(text)}, expected a JSON object"
            raise JsonLinesError(name, number, fault)
        yield number, row


def text_lines(lines: Iterable[bytes], name: str | Path) -> Iterator[tuple[int, str]]:
    """Line number and text, without white space around it, of each line that is not blank;
    JsonLinesError where a line is not UTF-8."""
    # Split at b"\n" alone: JSON leaves U+2028 and its like as they are.
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        try:
            text = line.decode().strip()
        except UnicodeDecodeError as error:
            fault = f"not UTF-8: {error.reason}, byte 0x{line[error.start]:02x} at {error.start}"
            raise JsonLinesError(name, number, fault) from error
        if text:
            yield number, text


def _finite(text: str) -> float:
    number = float(text)
    return number if abs(number) != float("inf") else _refuse_constant(text)


def _refuse_constant(constant: str) -> Never:
    raise ValueError(f"got {constant}, expected a finite number")


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {max(keys, key=keys.count)!r} is given twice")
    return fields


def _shown(text: str) -> str:
    """The beginning of a line, as one reads it in an error."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
