"""The ledger's tables, and the version of its format.

    requests  what was asked: one row for each content
    calls     what was sent: state, price, reply; several for a request, since servers fail
    samples   what was answered: one row for each (request, sample), which points to its call
    budgets   what each command may spend and has spent
    batches   what was submitted by Batch; batch_lines: the calls that each stands for

A call is `open` while its lease runs, then `answered`, `failed` (no charge), or `unknown`: it may
have been charged, and counts with the worst that it can cost. Money is in millionths of a dollar;
NULL where there is no price. A sample without a text is being asked for by its open call.
"""

import sqlite3
from pathlib import Path

from mdexp.teacher.database import opened_database

FILE = "teacher.sqlite"
VERSION = 3

_TABLES = """
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE,  -- SHA-256 of content
    endpoint TEXT NOT NULL,
    model TEXT NOT NULL,
    content TEXT NOT NULL           -- canonical JSON
);
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests (id),
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'failed', 'unknown')),
    num_asked INTEGER NOT NULL,
    seed INTEGER,                   -- as sent
    command TEXT NOT NULL,
    holder TEXT,                    -- who holds the lease; NULL where only time ends it
    lease_until REAL NOT NULL,      -- seconds since 1970
    worst_micro_usd INTEGER,
    price_micro_usd INTEGER,        -- from usage, or the worst where that is not known
    opened_at TEXT NOT NULL,        -- ISO 8601, UTC
    settled_at TEXT,
    usage TEXT,                     -- JSON, for all samples of the call; NULL: the server is mute
    reply TEXT,                     -- as it came
    model TEXT,                     -- as the server names it
    fingerprint TEXT,
    error TEXT
);
CREATE INDEX leases_by_end ON calls (lease_until) WHERE state = 'open';
CREATE INDEX leases_by_holder ON calls (holder) WHERE state = 'open';
CREATE INDEX calls_of_request ON calls (request);
CREATE TABLE samples (
    request INTEGER NOT NULL REFERENCES requests (id),
    sample INTEGER NOT NULL,
    call INTEGER NOT NULL REFERENCES calls (id),
    text TEXT,
    finish_reason TEXT,
    PRIMARY KEY (request, sample)
) WITHOUT ROWID;
CREATE INDEX samples_of_call ON samples (call);
CREATE TABLE askers (               -- for whom a request was made, as recorded answers name it
    request INTEGER NOT NULL REFERENCES requests (id),
    problem_id TEXT NOT NULL,
    thought TEXT NOT NULL,
    part INTEGER NOT NULL DEFAULT 0, -- how many texts of the teacher came before
    PRIMARY KEY (request, problem_id, thought)
) WITHOUT ROWID;
CREATE TABLE budgets (
    command TEXT PRIMARY KEY,
    limit_micro_usd INTEGER,        -- NULL: none
    spent_micro_usd INTEGER NOT NULL DEFAULT 0,     -- settled and unknown calls
    reserved_micro_usd INTEGER NOT NULL DEFAULT 0   -- open calls
);
CREATE TABLE batches (
    token TEXT PRIMARY KEY,         -- ours, sent along, by which a batch is found again
    remote TEXT,                    -- the server's; NULL until it is known
    endpoint TEXT NOT NULL,
    command TEXT NOT NULL,
    holder TEXT NOT NULL,           -- who hands it in
    opened_at TEXT NOT NULL,
    collected_at TEXT
);
CREATE TABLE batch_lines (
    custom_id TEXT PRIMARY KEY,
    batch TEXT NOT NULL REFERENCES batches (token),
    call INTEGER NOT NULL REFERENCES calls (id),
    samples TEXT NOT NULL           -- JSON; a lease that ends frees the rows of `samples`
);
CREATE INDEX lines_of_batch ON batch_lines (batch);
"""


def connect(folder: Path) -> sqlite3.Connection:
    """Open a folder's ledger, created if there is none; transactions are explicit. ValueError for a
    ledger of another version or a file system that cannot hold one."""
    folder.mkdir(parents=True, exist_ok=True)
    db = opened_database(folder / FILE)
    try:
        if _version(db) != VERSION:
            _bring_up_to_date(db, folder / FILE)
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _bring_up_to_date(db: sqlite3.Connection, file: Path) -> None:
    """Upgrade a ledger to VERSION in one transaction. When VERSION is raised, the change from each
    version since 2 belongs here, so that nothing paid for is lost."""
    db.execute("BEGIN EXCLUSIVE")
    try:
        version = _version(db)  # another process may have done it
        if version == 0:
            _create(db)
        elif version == 2:
            db.execute("ALTER TABLE askers ADD COLUMN part INTEGER NOT NULL DEFAULT 0")
        elif version != VERSION:
            raise ValueError(
                f"{file}: written as version {version}, this mdexp reads version {VERSION}; the "
                "mdexp that wrote it can export it (python -m mdexp.ledger export FILE), and this "
                "one imports such a file into another store"
            )
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _create(db: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";\n"):  # executescript would commit
        db.execute(statement)
