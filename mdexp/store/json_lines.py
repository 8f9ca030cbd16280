"""JSON Lines: the parser for all files (our own and users') and standard input.

A byte order mark, CRLF and blank lines are skipped. Any other line that is not a JSON object in
UTF-8 is an error that names file and line; so is NaN, an infinity or a duplicate key.
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
SHOWN = 60  # characters of a line shown in an error
Record = TypeVar("Record")


class JsonLinesError(ValueError):
    """A line that cannot be used; the message names file, line and reason."""

    def __init__(self, name: str | Path, number: int, fault: object) -> None:
        super().__init__(f"{name}:{number}: {fault}")


def read_jsonl(path: Path, record: type[Record]) -> list[Record]:
    """The records of a file; JsonLinesError names file and line of one that does not fit."""
    return list(each_record(path, record))


def each_record(path: Path, record: type[Record]) -> Iterator[Record]:
    """The records of a file, read one by one as they are needed. JsonLinesError."""
    to_record = as_record(path, record)
    for number, fields in objects_of_file(path):
        yield to_record(number, fields)


def as_record(path: Path, record: type[Record]) -> Callable[[int, dict[str, Any]], Record]:
    """A function that makes a record from the number and fields of a line. JsonLinesError."""
    adapter: TypeAdapter[Record] = TypeAdapter(record)

    def made(number: int, fields: dict[str, Any]) -> Record:
        try:
            # By the constructor, not by pydantic, which would turn a whole float into an int.
            adapter.validate_python(fields)
            return record(**fields)
        except (ValueError, TypeError) as error:
            fault = f"not a {record.__name__}: {error}"
            raise JsonLinesError(path, number, fault) from error

    return made


def write_jsonl(path: Path, records: Iterable[Any]) -> int:
    """Write records (dataclasses or dicts) as they come, one JSON object per line, atomically;
    returns their number."""
    number = 0
    with jsonl_writer(path) as write:
        for record in records:
            write(record)
            number += 1
    return number


@contextmanager
def jsonl_writer(path: Path) -> Iterator[Callable[[Any], None]]:
    """Yields a function that adds a record to the file. The file appears at the end of the block;
    after an error the old one is unchanged."""
    # In ASCII, since a model may write half a surrogate pair, which UTF-8 cannot encode.
    encode = json.JSONEncoder(allow_nan=False, default=_as_json).encode
    with whole_file(path) as file:

        def write(record: Any) -> None:
            file.write(f"{encode(record)}\n".encode("ascii"))

        yield write


def _as_json(value: Any) -> Any:
    """For types that the encoder does not know: a record becomes a mapping of its fields, without
    copying their lists; others go through `plain_data`."""
    if is_dataclass(value) and not isinstance(value, type):
        return written_fields(value)
    plain = plain_data(value)
    if plain is value:
        raise TypeError(f"JSON has no {type(value).__name__}")
    return plain


def objects_of_file(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of a file, read as they are needed."""
    with path.open("rb") as lines:
        yield from json_objects(lines, path)


def json_objects(lines: Iterable[bytes], name: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each non-blank line; JsonLinesError if a line is not an object."""
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
        except ValueError as error:  # our own, or a number of thousands of digits
            raise JsonLinesError(name, number, f"not JSON: {error}") from error
        if not isinstance(row, dict):
            fault = f"got {_shown(text)}, expected a JSON object"
            raise JsonLinesError(name, number, fault)
        yield number, row


def text_lines(lines: Iterable[bytes], name: str | Path) -> Iterator[tuple[int, str]]:
    """Line number and stripped text of each non-blank line; JsonLinesError if a line is not
    UTF-8."""
    # Split only at b"\n": JSON strings may contain U+2028 and similar separators.
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
    """The beginning of a line, for an error message."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
