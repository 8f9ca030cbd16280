"""What a command may spend: the worst case of each call is reserved before it is sent.

    spent + reserved + worst case of the next call <= limit

`spent` is what calls cost, or their worst case where the cost is not known. A call that does not
fit waits while others are under way, since most cost less than their worst case. Only when none is
under way does the command stop. Call these functions within a transaction.
"""

import sqlite3
from typing import Literal

MICRO = 1_000_000  # a dollar

Shortage = Literal["reserved", "spent"]


def open_budget(db: sqlite3.Connection, command: str, limit_micro_usd: int | None) -> None:
    """Begin the command's budget, or join it as another job; ValueError if the limits differ."""
    db.execute(
        "INSERT OR IGNORE INTO budgets (command, limit_micro_usd) VALUES (?, ?)",
        (command, limit_micro_usd),
    )
    (limit,) = db.execute(
        "SELECT limit_micro_usd FROM budgets WHERE command = ?", (command,)
    ).fetchone()
    if limit != limit_micro_usd:
        raise ValueError(
            f"teacher.budget_usd: got {_shown(limit_micro_usd)}, and another job of this command "
            f"{_shown(limit)}; a command has one budget, a sweep as well"
        )


def reserve(db: sqlite3.Connection, command: str, worst_micro_usd: int) -> Shortage | None:
    """Reserve money; if there is not enough, return whether calls under way hold it or it is
    spent."""
    limit, spent, reserved = _amounts(db, command)
    if limit is not None and spent + reserved + worst_micro_usd > limit:
        return "reserved" if reserved else "spent"
    _move(db, command, spent=0, reserved=worst_micro_usd)
    return None


def settle(
    db: sqlite3.Connection, command: str, worst_micro_usd: int, price_micro_usd: int
) -> None:
    """Replace a reservation by the actual price."""
    _move(db, command, spent=price_micro_usd, reserved=-worst_micro_usd)


def correct_spending(db: sqlite3.Connection, command: str, difference_micro_usd: int) -> None:
    """Correct what was spent: a reply came after its call had been given up."""
    _move(db, command, spent=difference_micro_usd, reserved=0)


def spent_and_left(db: sqlite3.Connection, command: str) -> tuple[int, int | None]:
    """What a command has spent, and what is left after reservations (None: no limit)."""
    limit, spent, reserved = _amounts(db, command)
    return spent, None if limit is None else limit - spent - reserved


def _amounts(db: sqlite3.Connection, command: str) -> tuple[int | None, int, int]:
    limit, spent, reserved = db.execute(
        "SELECT limit_micro_usd, spent_micro_usd, reserved_micro_usd FROM budgets"
        " WHERE command = ?",
        (command,),
    ).fetchone()
    return limit, spent, reserved


def _move(db: sqlite3.Connection, command: str, spent: int, reserved: int) -> None:
    db.execute(
        "UPDATE budgets SET spent_micro_usd = spent_micro_usd + ?,"
        " reserved_micro_usd = reserved_micro_usd + ? WHERE command = ?",
        (spent, reserved, command),
    )


def _shown(limit_micro_usd: int | None) -> str:
    return "none" if limit_micro_usd is None else f"{limit_micro_usd / MICRO:g}"
