"""Writes files atomically, and copies files independently of their source."""

import dataclasses
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel

TEMPORARY = ".tmp"  # suffix of files that are being written
PLAIN = (str, int, float, bool)  # types that JSON takes as they are
FICLONE = 0x40049409  # Linux ioctl: share blocks until one of the two files is written


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    text = json.dumps(plain_data(value), ensure_ascii=False, indent=2, allow_nan=False)
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file atomically: temporary file, fsync, rename."""
    with whole_file(path) as file:
        file.write(text.encode())


def copy_file(source: Path, target: Path) -> None:
    """Copy a file atomically, as a writable file. Blocks are shared if the file system supports it
    (reflink); a change of one file never affects the other."""
    with source.open("rb") as original, whole_file(target) as copy:
        try:
            fcntl.ioctl(copy.fileno(), FICLONE, original.fileno())
        except OSError:  # another file system, or one without reflinks
            shutil.copyfileobj(original, copy)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def plain_data(value: Any) -> Any:
    """The value for JSON: dataclasses and mappings as dicts, paths as text. A pydantic model
    becomes a dict with its class under `_target_`."""
    if value is None or type(value) in PLAIN:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain_data(written_fields(value))
    if isinstance(value, BaseModel):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        return {"_target_": kind} | plain_data(value.model_dump())
    if isinstance(value, Mapping):
        return {str(key): plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def written_fields(record: Any) -> dict[str, Any]:
    """A record's fields, without those that are omitted at their default."""
    return {
        field.name: getattr(record, field.name)
        for field in dataclasses.fields(record)
        if not field.metadata.get("omitted") or getattr(record, field.name) != field.default
    }


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into that replaces `path` at the end; an error leaves `path` as it was."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
