"""Batches in the ledger: those that any process submitted and nobody has collected yet.

A batch is recorded with a token of ours before it is sent. A run that was killed in between can
look the token up at the server, and so learns whether the batch exists.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from mdexp.teacher.leases import Claim, utc_now
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch that is not collected. `remote` is the server's name for it; None if it is not known
    whether the server has it, since `holder` was about to submit it."""

    token: str
    remote: str | None
    command: str
    holder: str


def new_token() -> str:
    return secrets.token_hex(8)


def custom_id(token: str, claim: Claim) -> str:
    return f"{token}-{claim.call}"


def write_down(
    ledger: Ledger, token: str, claims: Sequence[Claim], command: str, holder: str
) -> None:
    """Write down a batch that is about to be submitted. From now on only their lease holds its
    calls, no process."""
    endpoint = claims[0].request.endpoint
    with ledger.writing():
        ledger.db.execute(
            "INSERT INTO batches (token, endpoint, command, holder, opened_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (token, endpoint, command, holder, utc_now()),
        )
        ledger.db.executemany(
            "INSERT INTO batch_lines (custom_id, batch, call, samples) VALUES (?, ?, ?, ?)",
            [(custom_id(token, c), token, c.call, json.dumps(c.samples)) for c in claims],
        )
        ledger.db.executemany(
            "UPDATE calls SET holder = NULL WHERE id = ?", [(c.call,) for c in claims]
        )


def submitted(ledger: Ledger, token: str, remote: str) -> None:
    """Write down the server's name of a batch."""
    with ledger.writing():
        ledger.db.execute("UPDATE batches SET remote = ? WHERE token = ?", (remote, token))


def collected(ledger: Ledger, token: str) -> None:
    """Mark a batch as collected: nothing more will come of it."""
    with ledger.writing():
        ledger.db.execute("UPDATE batches SET collected_at = ? WHERE token = ?", (utc_now(), token))


def uncollected(ledger: Ledger, endpoint: str) -> list[Batch]:
    """The batches at an endpoint that are not collected, of all commands, oldest first."""
    rows = ledger.db.execute(
        "SELECT token, remote, command, holder FROM batches"
        " WHERE collected_at IS NULL AND endpoint = ? ORDER BY opened_at",
        (endpoint,),
    )
    return [Batch(token=t, remote=r, command=c, holder=h) for t, r, c, h in rows]


def num_uncollected_calls(ledger: Ledger, endpoint: str) -> dict[str, int]:
    """How many calls each uncollected batch has, by its token."""
    rows = ledger.db.execute(
        "SELECT token, count(*) FROM batches JOIN batch_lines ON batch = token"
        " WHERE collected_at IS NULL AND endpoint = ? GROUP BY token",
        (endpoint,),
    )
    return dict(rows.fetchall())


def claims_of(ledger: Ledger, token: str) -> dict[str, Claim]:
    """The calls of a batch, by custom_id."""
    rows = ledger.db.execute(
        "SELECT custom_id, calls.id, content, samples, seed, worst_micro_usd FROM batch_lines"
        " JOIN calls ON calls.id = call JOIN requests ON requests.id = request WHERE batch = ?",
        (token,),
    )
    return {
        name: Claim(
            call=call,
            request=Request(**json.loads(content)),
            samples=tuple(json.loads(samples)),
            seed=seed,
            worst_micro_usd=worst,
        )
        for name, call, content, samples, seed, worst in rows
    }
