"""Keeps batches of answers as they are written, so that a killed stage resumes after them.

Only complete batches are kept; for thoughts of several texts, complete transcripts with the results
that they read. A batch that is found has exactly the rows that it would have now, so its answers
equal those of an uninterrupted run bit for bit.
"""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from mdexp.decoding.request import DecodingLimits, DecodingRequest

ROWS = TypeAdapter(list[dict[str, Any]])

log = logging.getLogger(__name__)

Record = TypeVar("Record")
Rows = list[dict[str, Any]]


class ResumeCache:
    """A file with a batch a line, found by its requests; the student is that of the stage.

    Each rank that decodes adds to a file of its own, and reads those of all.
    """

    def __init__(self, file: Path, rank: int = 0) -> None:
        self.first = file
        self.file = file.with_suffix(f".{rank}{file.suffix}") if rank else file
        if self.file.exists():
            _cut_last_line(self.file)
        self.found: dict[str, Rows] = {}
        self.read()
        self.resumed = frozenset(self.found)  # batches that an earlier process wrote
        if self.found:
            log.info("decoding resumes: %d batches of answers were written before", len(self.found))

    def read(self) -> None:
        """Read what all ranks have kept by now."""
        for file in self._files():
            self.found |= _whole_batches(file)

    def remove(self) -> None:
        """Delete the files of all ranks: the stage's output has what they hold."""
        for file in self._files():
            file.unlink()

    def _files(self) -> list[Path]:
        others = self.first.parent.glob(f"{self.first.stem}.*{self.first.suffix}")
        return [file for file in (self.first, *sorted(others)) if file.exists()]

    def was_resumed(self, requests: Sequence[DecodingRequest], limits: DecodingLimits) -> bool:
        """Whether a batch was written by an earlier process."""
        return _key(requests, limits) in self.resumed

    def find(
        self, requests: Sequence[DecodingRequest], limits: DecodingLimits, record: type[Record]
    ) -> list[Record] | None:
        """A batch's records; None if it is missing or has other records."""
        rows = self.found.get(_key(requests, limits), [])
        if len(rows) != len(requests):
            return None
        adapter: TypeAdapter[Record] = TypeAdapter(record)
        try:
            for row in rows:
                adapter.validate_python(row)
            # Through the constructor, not pydantic: it would turn a whole float into an int.
            return [record(**row) for row in rows]
        except (ValueError, TypeError):
            log.warning("%s: a batch holds no %s and is written again", self.file, record.__name__)
            return None

    def keep(
        self, requests: Sequence[DecodingRequest], limits: DecodingLimits, records: Sequence[Any]
    ) -> None:
        """Add a batch to the file and sync it to the disk."""
        answers = [asdict(record) for record in records]
        line = json.dumps({"batch": _key(requests, limits), "answers": answers})
        with self.file.open("a", encoding="ascii") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())


def _key(requests: Sequence[DecodingRequest], limits: DecodingLimits) -> str:
    asked = [[request.stream, *request.prompt_ids] for request in requests]
    return hashlib.sha256(json.dumps([asdict(limits), asked]).encode()).hexdigest()


def _cut_last_line(file: Path) -> None:
    """Cut off a last line that was cut short, so that the next begins a line."""
    os.truncate(file, file.read_bytes().rfind(b"\n") + 1)


def _whole_batches(file: Path) -> dict[str, Rows]:
    """Batches of a file by key; one that cannot be read is written again."""
    lines = file.read_bytes().split(b"\n")[:-1]  # the last may be under way
    batches = [batch for batch in map(_batch, lines) if batch]
    if lost := len(lines) - len(batches):
        log.warning("%s: %d of %d batches cannot be read", file, lost, len(lines))
    return dict(batches)


def _batch(line: bytes) -> tuple[str, Rows] | None:
    """A batch with its key; None for a damaged line."""
    try:
        row = json.loads(line.decode())
        return str(row["batch"]), ROWS.validate_python(row["answers"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
