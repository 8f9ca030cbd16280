"""What was asked of teachers and what they answered: one SQLite row per answer, kept for good.

An answer is found by its identity, a hash of all that may change it: endpoint, model, messages,
sampling settings and the number of the sample. How many samples a run wants is not in it, so five
paths after three ask for two. A call is written down before it is sent; one that is still open
when no process is buying was cut off, and whether it was charged is `unknown`.

Not covered: network file systems, on which SQLite's write-ahead log does not work.
"""

import hashlib
import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from mdexp.ports import Message
from mdexp.teacher.reply import Reply

log = logging.getLogger(__name__)

FILE = "teacher.sqlite"
SCHEMA_VERSION = 1
_BUSY_TIMEOUT_S = 60
_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'failed', 'unknown')),
    request TEXT NOT NULL,       -- canonical JSON
    num_asked INTEGER NOT NULL,
    opened_at TEXT NOT NULL,     -- ISO 8601, UTC
    settled_at TEXT,
    usage TEXT,                  -- JSON, for all samples of the call; NULL where the server is mute
    reply TEXT,                  -- as it came
    error TEXT
);
CREATE TABLE IF NOT EXISTS samples (
    identity TEXT PRIMARY KEY,
    sample INTEGER NOT NULL,
    call INTEGER NOT NULL REFERENCES calls (id),
    text TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    model TEXT NOT NULL          -- as the server names it
);
"""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A question as a teacher gets it. Whatever may change the answer is a field."""

    endpoint: str
    model: str
    messages: Sequence[Message]
    settings: dict[str, Any]

    @cached_property
    def canonical(self) -> str:
        return json.dumps(
            asdict(self),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )

    def identity(self, sample: int) -> str:
        return hashlib.sha256(f"{self.canonical}\n{sample}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One sample of one request."""

    sample: int
    text: str
    finish_reason: str
    model: str


class Ledger:
    """An open ledger; use it as a context manager, from one thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / f"{FILE}.lock")
        self._db = sqlite3.connect(folder / FILE, timeout=_BUSY_TIMEOUT_S)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")  # an answer survives a power cut
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            self._db.close()
            raise ValueError(
                f"{folder / FILE}: written as version {version}, this mdexp reads {SCHEMA_VERSION}"
            )
        self._db.executescript(_SCHEMA)
        self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def answers(self, request: Request, num_paths: int) -> list[Answer]:
        """The answers among the first `num_paths` samples, in the order of samples."""
        return [answer for n in range(num_paths) if (answer := self._answer(request, n))]

    def missing(self, request: Request, num_paths: int) -> list[int]:
        """The samples among the first `num_paths` that have no answer."""
        return [n for n in range(num_paths) if self._answer(request, n) is None]

    @contextmanager
    def buying(self) -> Iterator[None]:
        """One process buys at a time; another waits, and then finds what the first one bought."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            log.info("another process is buying answers; waiting for it (%s)", self._lock.lock_file)
            self._lock.acquire()
        try:
            self._give_up_open_calls()
            yield
        finally:
            self._lock.release()

    def open_call(self, request: Request, num_asked: int) -> int:
        """Write down that a call is about to be sent; give its number."""
        with self._db:
            call = self._db.execute(
                "INSERT INTO calls (state, request, num_asked, opened_at) VALUES ('open', ?, ?, ?)",
                (request.canonical, num_asked, _now()),
            ).lastrowid
        assert call is not None
        return call

    def answer_call(self, call: int, request: Request, samples: Sequence[int], reply: Reply) -> int:
        """Store a reply as these samples, as many as it has; give their number."""
        pairs = list(zip(samples, reply.choices, strict=False))  # servers send fewer, or more
        usage = None if reply.usage is None else json.dumps(reply.usage)
        with self._db:
            self._db.execute(
                "UPDATE calls SET state = 'answered', settled_at = ?, usage = ?, reply = ?"
                " WHERE id = ?",
                (_now(), usage, reply.raw, call),
            )
            self._db.executemany(
                "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (request.identity(n), n, call, choice.text, choice.finish_reason, reply.model)
                    for n, choice in pairs
                ],
            )
        return len(pairs)

    def fail_call(self, call: int, error: str) -> None:
        with self._db:
            self._db.execute(
                "UPDATE calls SET state = 'failed', settled_at = ?, error = ? WHERE id = ?",
                (_now(), error, call),
            )

    def states(self) -> dict[str, int]:
        """How many calls are in each state."""
        return dict(self._db.execute("SELECT state, count(*) FROM calls GROUP BY state"))

    def _answer(self, request: Request, sample: int) -> Answer | None:
        row = self._db.execute(
            "SELECT text, finish_reason, model FROM samples WHERE identity = ?",
            (request.identity(sample),),
        ).fetchone()
        if row is None:
            return None
        return Answer(sample=sample, text=row[0], finish_reason=row[1], model=row[2])

    def _give_up_open_calls(self) -> None:
        with self._db:
            cut_off = self._db.execute(
                "UPDATE calls SET state = 'unknown', settled_at = ? WHERE state = 'open'", (_now(),)
            ).rowcount
        if cut_off:
            log.warning(
                "%d calls were under way when an earlier run was cut off; they may have been "
                "charged and are asked again",
                cut_off,
            )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
