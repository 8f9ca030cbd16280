"""Limits requests and tokens per minute over all processes of a machine that ask the same endpoint.

Two token buckets in a small database beside the ledger. A bucket refills at its rate and holds a
quarter of a second's worth, so that a worker which wakes late loses nothing. It may go below zero,
since a request counts with a guess of its tokens until the reply gives their number; then the next
wait is longer.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from mdexp.teacher.database import DiskFault, disk_faults_named, opened_database

FILE = "limits.sqlite"
_BURST_S = 0.25
_SHORTEST_NAP_S = 0.001


class Limiter:
    """A context manager; a rate of None means no limit."""

    def __init__(
        self,
        folder: Path,
        endpoint: str,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        rates = {"requests": requests_per_minute, "tokens": tokens_per_minute}
        self._per_second = {kind: rate / 60 for kind, rate in rates.items() if rate is not None}
        self._endpoint, self._clock = endpoint, clock
        self._file = folder / FILE
        with disk_faults_named(self._file):
            self._db = opened_database(self._file)
            self._db.execute("PRAGMA synchronous = OFF")  # full again after a power cut
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS buckets (endpoint TEXT, kind TEXT, level REAL NOT NULL,"
                " seen_at REAL NOT NULL, PRIMARY KEY (endpoint, kind))"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    async def wait(self, tokens: int) -> None:
        """Wait until a request with about so many tokens may be sent, then count it."""
        while (pause_s := self.take(tokens)) > 0:
            await asyncio.sleep(max(pause_s, _SHORTEST_NAP_S))

    def take(self, tokens: int) -> float:
        """Count a request and return 0, or return the seconds to wait before the next try. A disk
        that cannot be written is ignored here: the claim that follows writes to the same one."""
        if not self._per_second:
            return 0.0
        pauses = [0.0]
        with suppress(DiskFault), self._transaction():
            levels = self._levels()
            pauses += [self._pause_s(kind, level) for kind, level in levels.items()]
            if max(pauses) <= 0:
                costs = {"requests": 1.0, "tokens": float(tokens)}
                self._write({kind: level - costs[kind] for kind, level in levels.items()})
        return max(pauses)

    def correct(self, tokens: int, requests: int = 0) -> None:
        """Return tokens that were counted too many (a negative number: too few)."""
        if not self._per_second:
            return
        with suppress(DiskFault), self._transaction():
            surplus = {"requests": requests, "tokens": tokens}
            self._write({kind: level + surplus[kind] for kind, level in self._levels().items()})

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with disk_faults_named(self._file):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _levels(self) -> dict[str, float]:
        """The level of each bucket now, at most its size; a new one is full."""
        now, levels = self._clock(), {}
        for kind, rate in self._per_second.items():
            row = self._db.execute(
                "SELECT level, seen_at FROM buckets WHERE endpoint = ? AND kind = ?",
                (self._endpoint, kind),
            ).fetchone()
            level, seen_at = row or (self._size(kind), now)
            levels[kind] = min(self._size(kind), level + max(0.0, now - seen_at) * rate)
        return levels

    def _size(self, kind: str) -> float:
        return max(1.0, self._per_second[kind] * _BURST_S)

    def _pause_s(self, kind: str, level: float) -> float:
        """Seconds until a request may go: it needs one full request in its bucket, but may borrow
        tokens."""
        needed = 1.0 if kind == "requests" else 0.0
        return (needed - level) / self._per_second[kind]

    def _write(self, levels: dict[str, float]) -> None:
        now = self._clock()
        self._db.executemany(
            "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?)",
            [(self._endpoint, kind, level, now) for kind, level in levels.items()],
        )
