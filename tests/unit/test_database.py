"""A file that several processes open in the same moment."""

import sqlite3
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

import pytest

from mdexp.teacher import database
from mdexp.teacher.database import opened_database
from mdexp.teacher.schema import FILE, connect

FORKSERVER = get_context("forkserver")
NUM_PROCESSES, NUM_FILES = 3, 60


def open_each(folder, barrier: Barrier) -> None:
    for number in range(NUM_FILES):
        barrier.wait(30)
        connect(folder / str(number)).close()


def test_processes_that_make_a_ledger_together_all_open_it(tmp_path):
    """Without a second try some are told that it is locked, the more the busier the machine."""
    FORKSERVER.set_forkserver_preload([__name__])
    arguments = (tmp_path, FORKSERVER.Barrier(NUM_PROCESSES))
    processes = [
        FORKSERVER.Process(target=open_each, args=arguments, daemon=True)
        for _ in range(NUM_PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * NUM_PROCESSES
    with sqlite3.connect(tmp_path / "0" / FILE) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


class Deadlocked(sqlite3.Connection):
    """Told that it is locked, without having waited, the first times."""

    told = 0

    def execute(self, sql, *parameters):
        if Deadlocked.told < 2:
            Deadlocked.told += 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return super().execute(sql, *parameters)


def test_who_is_told_that_it_is_locked_tries_again(tmp_path, monkeypatch):
    connect_to = partial(sqlite3.connect, factory=Deadlocked)
    monkeypatch.setattr(database.sqlite3, "connect", connect_to)
    assert opened_database(tmp_path / "f").execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert Deadlocked.told == 2


def test_what_stays_locked_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    reader = sqlite3.connect(tmp_path / "f", isolation_level=None)
    reader.execute("CREATE TABLE t (x)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        opened_database(tmp_path / "f")
    reader.close()


def test_what_is_no_database_is_told_at_once(tmp_path):
    (tmp_path / "f").write_text("no database at all, but text" * 9)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        opened_database(tmp_path / "f")
