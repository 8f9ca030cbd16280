"""Faults of a purchase, chosen by a seed: the disk, the network and the process under it.

    with LoopbackServer(answer=content) as server:
        outcome = survive(case_of(7), server, folder)

A case buys eight answers to four problems. One fault hits it; then all is repaired, and the
purchase is made again. `Outcome` says what came of it, `flaws` what should not have.
"""

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from mdexp.records import Path as TeacherPath
from mdexp.teacher import (
    batch_collection,
    batch_connection,
    batch_server,
    database,
    online_purchase,
    patient_writer,
)
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.retry import TeacherError
from tests.buyer import buy, problems
from tests.loopback import LoopbackServer

NUM_PROBLEMS, NUM_PATHS = 4, 2
NUM_ANSWERS = NUM_PROBLEMS * NUM_PATHS
PRICE = {"input": 1.0, "output": 1.0}
DISK = {
    "ENOSPC": (sqlite3.SQLITE_FULL, "database or disk is full"),
    "EIO": (sqlite3.SQLITE_IOERR_WRITE, "disk I/O error"),
    "EROFS": (sqlite3.SQLITE_READONLY, "attempt to write a readonly database"),
}
ONLINE = ("lost reply", "lost connection", "500", "html", "broken json")
BATCH = ("cut", "502", "garbage", "502, then down")
FOR_GOOD = 10_000  # writes, more than anyone tries
# Statements but for questions, in a purchase that nothing disturbs.
NUM_WRITES = {"online": 115, "batch": 102}


class Killed(BaseException):
    """The process is no more: nothing that it still tries reaches the disk."""


@dataclass(frozen=True, slots=True)
class Case:
    """`fault` hits the write number `at`, and `lasts` writes from there on, or a call."""

    seed: int
    mode: str
    fault: str
    at: int
    lasts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of both runs. `stopped` names the error that ended the first, empty where it went on."""

    paths: list[TeacherPath]
    stopped: str
    bought: int
    charged: int
    spent: int
    states: dict[str, int]
    reserved: int


def case_of(seed: int) -> Case:
    """The case with this number: modes and faults take turns, where they hit is drawn."""
    dice = random.Random(seed)
    mode = ("online", "batch")[seed % 2]
    faults = (*DISK, "kill", *(ONLINE if mode == "online" else BATCH))
    fault = faults[seed // 2 % len(faults)]
    at = dice.randrange(NUM_WRITES[mode]) if fault in (*DISK, "kill") else dice.randrange(4)
    return Case(seed, mode, fault, at, lasts=dice.choice([1, 5, 20, FOR_GOOD]))


def content(question: str, number: int) -> str:
    """The same each time: what is bought twice reads the same."""
    return f"About {question}"


class Disk:
    """Counts the writes to a ledger, and fails those that a case says."""

    def __init__(self, case: Case | None) -> None:
        self.case, self.num_writes = case, 0

    def judge(self, sql: str) -> None:
        """Before each statement: raise what the case has for it."""
        if self.case is None or self.case.fault not in (*DISK, "kill"):
            return
        is_write = not sql.startswith(("SELECT", "ROLLBACK"))
        self.num_writes += is_write
        since = self.num_writes - 1 - self.case.at
        if self.case.fault == "kill":
            if since >= 0:
                raise Killed
        elif is_write and 0 <= since < self.case.lasts:
            code, message = DISK[self.case.fault]
            error = sqlite3.OperationalError(message)
            error.sqlite_errorcode = code
            raise error


@contextlib.contextmanager
def disk_with(case: Case | None) -> Iterator[Disk]:
    """Within it the ledger, and what is beside it, lie on a disk that fails as the case says."""
    disk = Disk(case)

    class Connection(sqlite3.Connection):
        def execute(self, sql, *parameters):
            disk.judge(sql)
            return super().execute(sql, *parameters)

        def executemany(self, sql, *parameters):
            disk.judge(sql)
            return super().executemany(sql, *parameters)

    connect = sqlite3.connect

    def to(file, **options):
        return connect(file, **options, factory=Connection)

    with mock.patch.object(database.sqlite3, "connect", to):
        yield disk


@contextlib.contextmanager
def in_haste() -> Iterator[None]:
    """Nobody waits for longer than a test may."""
    with contextlib.ExitStack() as stack:
        for module, name, value in (
            (batch_collection, "POLL_S", 0.01),
            (batch_connection, "pause_s", lambda error, number: 0.01),
            (batch_server, "LISTED_WITHIN_S", 0.01),
            (patient_writer, "AGAIN_S", 0.005),
            (patient_writer, "PATIENCE_S", 0.5),
            (online_purchase, "_NAP_S", 0.005),
            (online_purchase, "pause_s", lambda error, number: 0.01),
        ):
            stack.enter_context(mock.patch.object(module, name, value))
        yield


def purchase(case: Case, server: LoopbackServer, folder: Path) -> list[TeacherPath]:
    changes = {"mode": case.mode, "num_paths": NUM_PATHS, "price": PRICE, "max_retries": 3}
    changes |= {"concurrency": 2, "requests_per_minute": 60_000}
    return buy(server.url, folder, problems(NUM_PROBLEMS), **changes)


def survive(case: Case, server: LoopbackServer, folder: Path) -> Outcome:
    """Buy under the fault, repair all, buy again."""
    if case.fault in ONLINE:
        server.misbehave(*[""] * case.at, case.fault)
    if case.fault in BATCH:
        server.batches.starts = [case.fault]
    stopped = ""
    with in_haste():
        with disk_with(case):
            try:
                purchase(case, server, folder)
            except (OSError, TeacherError, Killed) as error:
                stopped = type(error).__name__
        server.misbehave()
        server.batches.is_down = False
        paths = purchase(case, server, folder)
    server.batches.finish_all()
    bought = sum(server.num_choices.values())
    with Ledger(folder) as ledger:
        spent, reserved = ledger.db.execute(
            "SELECT sum(spent_micro_usd), sum(reserved_micro_usd) FROM budgets"
        ).fetchone()
        return Outcome(paths, stopped, bought, server.charged, spent, ledger.states(), reserved)


def undisturbed() -> list[TeacherPath]:
    """What a purchase brings that nothing disturbs."""
    return [
        TeacherPath(
            problem_id=problem.id,
            thought="cot",
            sample=sample,
            text=f"About {problem.question}\nThink.",
            model="large-0001",
            finish_reason="stop",
        )
        for problem in problems(NUM_PROBLEMS)
        for sample in range(NUM_PATHS)
    ]


def flaws(case: Case, outcome: Outcome) -> list[str]:
    """What must not come of a case: the wrong answers, a purchase that the ledger does not know of,
    or a second one of what could be had."""
    states, twice = outcome.states, outcome.bought - NUM_ANSWERS
    # What a server sent to a process that then died, or on a line that was cut, it sends no more;
    # a batch it keeps.
    may_be_lost = case.mode == "online" and (
        case.fault in ("kill", "lost reply") or case.lasts == FOR_GOOD
    )
    found = {
        "other answers": outcome.paths != undisturbed(),
        "bought twice": twice > (NUM_PATHS * states.get("unknown", 0) if may_be_lost else 0),
        "charged more than counted": outcome.charged > outcome.spent,
        "money still reserved": bool(outcome.reserved or states.get("open")),
    }
    return [name for name, is_so in found.items() if is_so]
