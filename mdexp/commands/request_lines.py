"""What `execute` is asked: a JSON object a line, read while earlier ones are worked on."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any, BinaryIO, Literal, Never, get_args

Kind = Literal["program", "equations"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Together they bound the memory, however long the input.
MAX_LINE_BYTES = 2**20
MAX_BATCH = 1024


class RequestError(ValueError):
    """A line of input that asks for nothing; names the line, what it has and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    id: str | int
    kind: Kind
    text: str


def opened(file: str) -> BinaryIO:
    """The bytes of a file, those of standard input for `-`. OSError if there is none."""
    # Not sys.stdin: the interpreter flushes that when it ends, and waits for whoever reads it.
    return open(0 if file == "-" else file, "rb", closefd=file != "-")


def batches(source: BinaryIO) -> Iterator[list[Request]]:
    """All requests that have come in so far, at least one, again and again.

    RequestError at the first line that is none, after the requests before it.
    """
    # Whoever types waits for an answer before the next line: reading must not hold up the rest.
    queue: Queue[Request | RequestError | None] = Queue(MAX_BATCH)
    threading.Thread(target=_read, args=(source, queue), daemon=True).start()
    while True:
        came = [queue.get()]
        while len(came) < MAX_BATCH:
            try:
                came.append(queue.get_nowait())
            except Empty:
                break
        if batch := [item for item in came if isinstance(item, Request)]:
            yield batch
        match came[-1]:
            case None:
                return
            case RequestError() as error:
                raise error


def _read(source: BinaryIO, queue: Queue[Request | RequestError | None]) -> None:
    """Fill the queue up to the end of the source, which is None, or to what is no request."""
    number = 0
    try:
        while line := source.readline(MAX_LINE_BYTES):
            number += 1
            if line.strip():
                queue.put(_request(line))
    except (OSError, ValueError, RecursionError) as error:
        queue.put(RequestError(f"line {number}: {error}"))
    else:
        queue.put(None)


def _request(line: bytes) -> Request:
    """ValueError that says why a line is no request; RecursionError where it nests too deeply."""
    if len(line) == MAX_LINE_BYTES:
        raise ValueError(f"a line may have {MAX_LINE_BYTES} bytes, this one has more")
    text = line.decode()
    try:
        row = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg}: {_shown(text.strip())}") from error
    if not isinstance(row, dict):
        raise ValueError(f"a line is an object with id and program, found {_shown(row)}")
    kinds = [kind for kind in KINDS if kind in row]
    if len(kinds) != 1:
        raise ValueError(f"id and either program or equations are needed, found {_shown(row)}")
    id, asked = row.get("id"), row[kinds[0]]
    if not isinstance(id, str | int) or isinstance(id, bool):
        raise ValueError(f"id must be text or a whole number, found {_shown(id)}")
    if not isinstance(asked, str):
        raise ValueError(f"{kinds[0]} must be text, found {_shown(asked)}")
    return Request(id=id, kind=kinds[0], text=asked)


def _refuse_constant(constant: str) -> Never:
    raise ValueError(f"not JSON: {constant}")


def _shown(value: Any) -> str:
    """The beginning of a value, as one reads it in an error."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
