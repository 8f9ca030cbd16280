"""The ledger: what was asked of teachers and what they answered, in a database that is never
cleared.

All runs, sweeps and jobs of a store share it. schema.py defines the tables, leases.py and budget.py
write everything about money, and this file opens the database and finds answers.
"""

import logging
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mdexp.teacher.database import disk_faults_named
from mdexp.teacher.reply import BrokenReply, Choice, read_reply
from mdexp.teacher.request import Answer, Request, Wanted
from mdexp.teacher.schema import FILE, connect

log = logging.getLogger(__name__)

SYNC_EVERY_S = 0.25
# A call's reply, only if it may contain thinking: most do not, and replies are long.
THINKING_REPLY = "iif(reply LIKE '%reasoning%' OR reply LIKE '%thinking%', reply, NULL)"


class Ledger:
    """An open ledger; use it as a context manager, from one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with disk_faults_named(folder / FILE):
            self.db = connect(folder)
        self._synced_at = -SYNC_EVERY_S
        self._numbers: dict[str, int] = {}  # of requests, by identity

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.db.execute("PRAGMA wal_checkpoint")  # syncs
        except sqlite3.OperationalError as error:
            log.warning("ledger: the last writes may be lost in a power cut: %s", error)
        finally:
            self.db.close()

    @contextmanager
    def writing(self, durable: bool = True) -> Iterator[None]:
        """A transaction; once committed, it survives a kill of the process. A durable one also
        survives a power cut, together with all earlier ones, except in the last SYNC_EVERY_S
        seconds: syncing a disk may take longer than a server's answer. DiskFault if the disk
        refuses it."""
        sync = durable and time.monotonic() - self._synced_at >= SYNC_EVERY_S
        with disk_faults_named(self.folder / FILE):
            try:
                self.db.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
                self.db.execute("BEGIN IMMEDIATE")
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:  # SQLite itself ends the transaction after some faults
                    self.db.execute("ROLLBACK")
                self._numbers.clear()  # some may belong to rows that were rolled back
                raise
        if sync:
            self._synced_at = time.monotonic()

    def number(self, request: Request) -> int:
        """The number of the request's row, which is added if it is new."""
        if (known := self._numbers.get(request.identity)) is not None:
            return known
        self.db.execute(
            "INSERT OR IGNORE INTO requests (identity, endpoint, model, content)"
            " VALUES (?, ?, ?, ?)",
            (request.identity, request.endpoint, request.model, request.content),
        )
        row = self.db.execute(
            "SELECT id FROM requests WHERE identity = ?", (request.identity,)
        ).fetchone()
        return self._numbers.setdefault(request.identity, row[0])

    def note_askers(self, askers: Iterable[tuple[Request, str, str, int]]) -> None:
        """Record the problem and thought (by name) for which each request is made, and how many
        texts the teacher wrote before it."""
        with self.writing():
            self.db.executemany(
                "INSERT OR IGNORE INTO askers VALUES (?, ?, ?, ?)",
                [(self.number(request), *names) for request, *names in askers],
            )

    def answers(self, request: Request, samples: Collection[int]) -> list[Answer]:
        """The answers that exist among the given samples, in the order of samples."""
        rows = self.db.execute(
            f"SELECT sample, text, finish_reason, calls.model, call, {THINKING_REPLY}"
            " FROM samples JOIN calls ON calls.id = samples.call"
            " JOIN requests ON requests.id = samples.request"
            " WHERE identity = ? AND sample <= ? AND text IS NOT NULL ORDER BY sample",
            (request.identity, max(samples, default=-1)),
        )
        thoughts = Thoughts()
        found = [
            Answer(
                sample=sample,
                text=text,
                finish_reason=reason,
                model=model or "",
                thinking=thoughts.before(text, call, raw),
            )
            for sample, text, reason, model, call, raw in rows
        ]
        return [answer for answer in found if answer.sample in samples]

    def missing(self, request: Request, samples: Collection[int]) -> list[int]:
        """The samples that have no answer."""
        rows = self.db.execute(
            "SELECT sample FROM samples JOIN requests ON requests.id = request"
            " WHERE identity = ? AND text IS NOT NULL",
            (request.identity,),
        )
        answered = {sample for (sample,) in rows}
        return [n for n in samples if n not in answered]

    def num_missing(self, wanted: Wanted) -> int:
        return sum(len(self.missing(request, samples)) for request, samples in wanted.items())

    def states(self) -> dict[str, int]:
        """How many calls are in each state."""
        return dict(self.db.execute("SELECT state, count(*) FROM calls GROUP BY state"))


class Thoughts:
    """The thinking before answers, read from the stored replies. A sample is found in its call's
    reply by its text."""

    def __init__(self) -> None:
        self._unread: dict[int, list[Choice]] = {}  # by call

    def before(self, text: str, call: int, reply: str | None) -> str:
        """The thinking before the next choice of a call that has this text; empty if there is
        none."""
        choices = self._unread.setdefault(call, _choices(reply))
        number = next((n for n, choice in enumerate(choices) if choice.text == text), None)
        return "" if number is None else choices.pop(number).thinking


def _choices(reply: str | None) -> list[Choice]:
    try:
        return read_reply(reply or "").choices
    except BrokenReply:  # what stands for a refused prompt
        return []
