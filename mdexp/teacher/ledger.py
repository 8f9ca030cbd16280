"""What was asked of teachers and what they answered, kept for good: a database of one folder.

Shared by all runs, sweeps and jobs. schema.py says what is in it; claims.py and budget.py write
what costs money; this file opens it and finds answers.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mdexp.teacher.reply import BrokenReply, Choice, read_reply
from mdexp.teacher.request import Answer, Request
from mdexp.teacher.schema import connect

SYNC_EVERY_S = 0.25


class Ledger:
    """An open ledger; use it as a context manager, from one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
        self.db.execute("PRAGMA wal_checkpoint")  # syncs
        self.db.close()

    @contextmanager
    def writing(self, durable: bool = True) -> Iterator[None]:
        """A transaction, which survives the death of the process. A durable one survives a power
        cut as well, with all that was written before it, but for those of the last SYNC_EVERY_S:
        a disk may take longer to say that it has written than a server to answer."""
        sync = durable and time.monotonic() - self._synced_at >= SYNC_EVERY_S
        self.db.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            self._numbers.clear()  # some may be of rows that are gone again
            raise
        self.db.execute("COMMIT")
        if sync:
            self._synced_at = time.monotonic()

    def number(self, request: Request) -> int:
        """The request's row, added if it is new."""
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

    def note_askers(self, askers: Iterable[tuple[Request, str, str]]) -> None:
        """Write down which problem and thought (their names) each request is made for."""
        with self.writing():
            self.db.executemany(
                "INSERT OR IGNORE INTO askers VALUES (?, ?, ?)",
                [(self.number(request), *names) for request, *names in askers],
            )

    def answers(self, request: Request, num_paths: int) -> list[Answer]:
        """The answers among the first `num_paths` samples, in the order of samples."""
        rows = self.db.execute(
            "SELECT sample, text, finish_reason, calls.model, call,"
            # Thinking stands in the reply alone, and most have none.
            " CASE WHEN reply LIKE '%reasoning%' OR reply LIKE '%thinking%' THEN reply END"
            " FROM samples JOIN calls ON calls.id = samples.call"
            " JOIN requests ON requests.id = samples.request"
            " WHERE identity = ? AND sample < ? AND text IS NOT NULL ORDER BY sample",
            (request.identity, num_paths),
        )
        found = []
        unread: dict[int, list[Choice]] = {}  # by call
        for sample, text, reason, model, call, raw in rows:
            choices = unread.setdefault(call, _choices(raw))
            thinking = _thinking_before(text, choices)
            found.append(
                Answer(
                    sample=sample,
                    text=text,
                    finish_reason=reason,
                    model=model or "",
                    thinking=thinking,
                )
            )
        return found

    def missing(self, request: Request, num_paths: int) -> list[int]:
        """The samples among the first `num_paths` that have no answer."""
        rows = self.db.execute(
            "SELECT sample FROM samples JOIN requests ON requests.id = request"
            " WHERE identity = ? AND text IS NOT NULL",
            (request.identity,),
        )
        answered = {sample for (sample,) in rows}
        return [n for n in range(num_paths) if n not in answered]

    def num_missing(self, requests: Sequence[Request], num_paths: int) -> int:
        return sum(len(self.missing(request, num_paths)) for request in requests)

    def states(self) -> dict[str, int]:
        """How many calls are in each state."""
        return dict(self.db.execute("SELECT state, count(*) FROM calls GROUP BY state"))


def _choices(raw: str | None) -> list[Choice]:
    try:
        return read_reply(raw or "").choices
    except BrokenReply:  # what stands for a refused prompt
        return []


def _thinking_before(text: str, choices: list[Choice]) -> str:
    """The thinking of the first choice with that text, which is taken out."""
    number = next((n for n, choice in enumerate(choices) if choice.text == text), None)
    return "" if number is None else choices.pop(number).thinking
