"""A SQLite file that several processes of one machine open at once."""

import sqlite3
import time
from pathlib import Path

from mdexp.teacher.sqlite_journal import journal

BUSY_TIMEOUT_S = 60
AGAIN_S = 0.01


def opened(file: Path) -> sqlite3.Connection:
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
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # of an extended code
            if not is_busy or time.monotonic() > deadline:
                raise
        time.sleep(AGAIN_S)
