"""Batches of answers kept as they are written, so that a killed stage goes on behind them.

Only whole batches are kept: of texts that go on, whole transcripts with the results that they went
on from. A batch that is found held the same rows as it would hold now, so the answers are, to the
bit, those of a run that nobody killed.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from mdexp.decoding.request import Limits, Request

log = logging.getLogger(__name__)

Record = TypeVar("Record")


class Kept:
    """A file with a batch a line, found by its requests; the student is that of the stage."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.found = dict(_whole_lines(file))
        if self.found:
            log.info("%d batches of answers were there already", len(self.found))

    def find(
        self, requests: Sequence[Request], limits: Limits, record: Callable[..., Record]
    ) -> list[Record] | None:
        found = self.found.get(_key(requests, limits))
        return None if found is None else [record(**fields) for fields in found]

    def keep(self, requests: Sequence[Request], limits: Limits, records: Sequence[Any]) -> None:
        """Add a batch to the file, and see it on the disk."""
        answers = [asdict(record) for record in records]
        line = json.dumps({"batch": _key(requests, limits), "answers": answers})
        with self.file.open("a", encoding="ascii") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())


def _key(requests: Sequence[Request], limits: Limits) -> str:
    asked = [[request.stream, *request.prompt_ids] for request in requests]
    return hashlib.sha256(json.dumps([asdict(limits), asked]).encode()).hexdigest()


def _whole_lines(file: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    """Batches of a file; a last line that was cut short is cut off, so that the next is whole."""
    if not file.exists():
        return []
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    os.truncate(file, len(whole))
    return [(row["batch"], row["answers"]) for row in map(json.loads, whole.splitlines())]
