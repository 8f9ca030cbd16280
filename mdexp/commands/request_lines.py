"""Reads the requests of `execute`, one JSON object per line, while earlier ones run."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from queue import Empty, Queue
from typing import Any, BinaryIO, Literal, get_args

from mdexp.store.json_lines import JsonLinesError, json_objects

Kind = Literal["program", "equations"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Together they bound the memory for input of any length.
MAX_LINE_BYTES = 2**20
MAX_BATCH = 1024


class RequestError(ValueError):
    """An invalid line of input; names the line, the value seen and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRequest:
    id: str | int
    kind: Kind
    text: str


def opened_lines(file: str) -> BinaryIO:
    """The bytes of a file, those of standard input for `-`. OSError if there is none."""
    # Not sys.stdin: at exit the interpreter closes it and waits for the thread that reads it.
    return open(0 if file == "-" else file, "rb", closefd=file != "-")


def batches(source: BinaryIO, name: str) -> Iterator[list[ProgramRequest]]:
    """Yield, again and again, all requests that have arrived, at least one.

    RequestError at the first invalid line, after the requests before it; the message calls the
    source `name`.
    """
    # A person who types waits for an answer before the next line, so reading must not block.
    queue: Queue[ProgramRequest | RequestError | None] = Queue(MAX_BATCH)
    threading.Thread(target=_read, args=(source, name, queue), daemon=True).start()
    while True:
        came = [queue.get()]
        while len(came) < MAX_BATCH:
            try:
                came.append(queue.get_nowait())
            except Empty:
                break
        if batch := [item for item in came if isinstance(item, ProgramRequest)]:
            yield batch
        match came[-1]:
            case None:
                return
            case RequestError() as error:
                raise error


def _read(source: BinaryIO, name: str, queue: Queue[ProgramRequest | RequestError | None]) -> None:
    """Fill the queue up to the end of the source (marked None) or the first invalid line."""
    try:
        for number, row in json_objects(_lines(source, name), name):
            try:
                queue.put(_request(row))
            except ValueError as error:
                raise JsonLinesError(name, number, error) from error
    except (OSError, ValueError) as error:
        queue.put(RequestError(str(error)))
    else:
        queue.put(None)


def _lines(source: BinaryIO, name: str) -> Iterator[bytes]:
    for number in count(1):
        line = source.readline(MAX_LINE_BYTES)
        if len(line) == MAX_LINE_BYTES:
            fault = f"a line may have {MAX_LINE_BYTES} bytes, this one has more"
            raise JsonLinesError(name, number, fault)
        if not line:
            return
        yield line


def _request(row: Mapping[str, Any]) -> ProgramRequest:
    """The request of an object; ValueError says why it is none."""
    kinds = [kind for kind in KINDS if kind in row]
    if len(kinds) != 1:
        raise ValueError(f"id and either program or equations are needed, found {_shown(row)}")
    id, asked = row.get("id"), row[kinds[0]]
    if not isinstance(id, str | int) or isinstance(id, bool):
        raise ValueError(f"id must be text or a whole number, found {_shown(id)}")
    if not isinstance(asked, str):
        raise ValueError(f"{kinds[0]} must be text, found {_shown(asked)}")
    return ProgramRequest(id=id, kind=kinds[0], text=asked)


def _shown(value: Any) -> str:
    """The beginning of a value, for an error message."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
