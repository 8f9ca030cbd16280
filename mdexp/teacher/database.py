"""A SQLite file that several processes of one machine open at once."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mdexp.teacher.sqlite_journal import journal

BUSY_TIMEOUT_S = 60
AGAIN_S = 0.01
_DISK_FAULTS = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)


class DiskFault(OSError):
    """The disk under a database takes no more: it is full, broken or read-only. What was written
    before is there, and a transaction that raised this left nothing."""


@contextmanager
def disk_faults_named(file: Path) -> Iterator[None]:
    """Within it, an error of SQLite for which the disk is at fault becomes a DiskFault."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _code(error) in _DISK_FAULTS:
            raise DiskFault(f"{file}: {error}") from error
        raise


def opened_database(file: Path) -> sqlite3.Connection:
    """A connection with the journal that the file system can carry; transactions are explicit.
    ValueError where it can carry none."""
    mode = journal(file.parent)
    db = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        _set_journal(db, mode)
    except BaseException:
        db.close()
        raise
    return db


def _set_journal(db: sqlite3.Connection, mode: str) -> None:
    """Two that change it at once may block each other, which SQLite tells one of them at once,
    whatever its time limit."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            db.execute(f"PRAGMA journal_mode = {mode}")
            return
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(AGAIN_S)


def _code(error: sqlite3.OperationalError) -> int:
    """SQLite's code of an error, without what extends it; 0 where Python itself raised it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
