"""Opens a SQLite file that several processes of one machine share."""

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
    """The disk of a database cannot be written: it is full, broken or read-only. Earlier writes are
    kept, and the transaction that raised this changed nothing."""


@contextmanager
def disk_faults_named(file: Path) -> Iterator[None]:
    """Within the block, an SQLite error that the disk caused becomes a DiskFault."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _code(error) in _DISK_FAULTS:
            raise DiskFault(f"{file}: {error}") from error
        raise


def opened_database(file: Path) -> sqlite3.Connection:
    """A connection that uses a journal the file system supports; transactions are explicit.
    ValueError if it supports none."""
    mode = journal(file.parent)
    db = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        _set_journal(db, mode)
    except BaseException:
        db.close()
        raise
    return db


def _set_journal(db: sqlite3.Connection, mode: str) -> None:
    """Set the journal mode. Two processes that change it at once may block each other, and SQLite
    then fails for one of them immediately, whatever its timeout."""
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
    """SQLite's primary error code; 0 if Python itself raised the error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
