"""JSON Lines: the one parser for files of ours, of users and of standard input.

A byte order mark, CRLF and blank lines are harmless and passed over. Any other line that is no JSON
object in UTF-8 is an error that names file and line. So is NaN, an infinity or a key given twice.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Never, TypeVar

from pydantic import TypeAdapter

from mdexp.store.files import plain_data, whole_file, written_fields

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SHOWN = 60  # characters of a line, in an error
Record = TypeVar("Record")


class JsonLinesError(ValueError):
    """A line that cannot be used; the message names file and line and says why."""

    def __init__(self, name: str | Path, number: int, fault: object) -> None:
        super().__init__(f"{name}:{number}: {fault}")


def read_jsonl(path: Path, record: type[Record]) -> list[Record]:
    """Records of a file; JsonLinesError naming file and line where one does not fit."""
    return list(each_record(path, record))


def each_record(path: Path, record: type[Record]) -> Iterator[Record]:
    """The records of a file one by one, read as they are asked for. JsonLinesError."""
    to_record = as_record(path, record)
    for number, fields in objects_of_file(path):
        yield to_record(number, fields)


def as_record(path: Path, record: type[Record]) -> Callable[[int, dict[str, Any]], Record]:
    """What makes a record of the fields of a line, given its number. JsonLinesError."""
    adapter: TypeAdapter[Record] = TypeAdapter(record)

    def made(number: int, fields: dict[str, Any]) -> Record:
        try:
            # Through the constructor, not pydantic: it would turn a whole float into an int.
            adapter.validate_python(fields)
            return record(**fields)
        except (ValueError, TypeError) as error:
            fault = f"not a {record.__name__}: {error}"
            raise JsonLinesError(path, number, fault) from error

    return made


def write_jsonl(path: Path, records: Iterable[Any]) -> int:
    """Write records (dataclasses or dicts) as they come, one JSON object a line, whole or not at
    all; returns their number."""
    number = 0
    with jsonl_writer(path) as write:
        for record in records:
            write(record)
            number += 1
    return number


@contextmanager
def jsonl_writer(path: Path) -> Iterator[Callable[[Any], None]]:
    """Within, the function that it gives adds a record to the file, which appears at the end; an
    error leaves what was there before."""
    # In ASCII, since a model may write half a surrogate pair, which has no UTF-8.
    encode = json.JSONEncoder(allow_nan=False, default=_as_json).encode
    with whole_file(path) as file:

        def write(record: Any) -> None:
            file.write(f"{encode(record)}\n".encode("ascii"))

        yield write


def _as_json(value: Any) -> Any:
    """What the encoder does not know: a record as the mapping of its fields, without a copy of
    their lists, and all else as `plain_data` has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return written_fields(value)
    plain = plain_data(value)
    if plain is value:
        raise TypeError(f"JSON has no {type(value).__name__}")
    return plain


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
