"""Claims calls before they are sent and settles them afterwards; everything about money is written
here.

A claim is one transaction: it checks that the samples are free, that concurrency allows another
call and that the worst case fits the budget, then writes the call with a lease. So two processes
that want the same samples never both send them. A lease ends with its time or its holder. Whether
the server charged such a call is `unknown`: it counts with its worst case, and its samples are free
again. If its reply still comes, it is kept and the price corrected.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mdexp.teacher import budget
from mdexp.teacher.holder import is_alive
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.reply import Reply
from mdexp.teacher.request import Request

# Why a call may not be sent now: another process asks for its samples, as many calls as allowed are
# under way, their reservations hold the money, or the budget is spent.
Refusal = Literal["leased", "busy", "reserved", "spent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to send one call. Money in millionths of a dollar, None without a price."""

    call: int
    request: Request
    samples: tuple[int, ...]
    seed: int | None
    worst_micro_usd: int | None


class Claims:
    """The claims of one holder for one command, whose budget is open. `at_once` limits the calls
    under way at an endpoint; None: no limit."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        holder: str | None,
        command: str,
        lease_s: float,
        at_once: int | None,
    ) -> None:
        self._ledger, self._db = ledger, ledger.db
        self._holder, self._command = holder, command
        self._lease_s, self._at_once = lease_s, at_once

    def claim(
        self,
        request: Request,
        samples: Sequence[int],
        worst_micro_usd: int | None,
        seed: int | None = None,
    ) -> Claim | Refusal:
        """Claim a call for missing samples, or return why it may not be sent now."""
        with self._ledger.writing(durable=False):
            number = self._ledger.number(request)
            refusal = self._refusal(number, request, samples, worst_micro_usd)
            if refusal and self.end_lost_leases():
                refusal = self._refusal(number, request, samples, worst_micro_usd)
            if refusal:
                return refusal
            call = self._open(number, len(samples), worst_micro_usd, seed)
            self._db.executemany(
                "INSERT INTO samples (request, sample, call) VALUES (?, ?, ?)",
                [(number, sample, call) for sample in samples],
            )
        return Claim(
            call=call,
            request=request,
            samples=tuple(samples),
            seed=seed,
            worst_micro_usd=worst_micro_usd,
        )

    def answer(self, claim: Claim, reply: Reply, price_micro_usd: int | None) -> int:
        """Store a reply as samples of the claim, as many as it has; return their number."""
        pairs = list(zip(claim.samples, reply.choices, strict=False))  # servers send fewer, or more
        with self._ledger.writing():
            number = self._ledger.number(claim.request)
            self._settle(claim, "answered", price_micro_usd)
            self._db.execute(
                "UPDATE calls SET usage = ?, reply = ?, model = ?, fingerprint = ? WHERE id = ?",
                (
                    None if reply.usage is None else json.dumps(reply.usage),
                    reply.raw,
                    reply.model,
                    reply.fingerprint,
                    claim.call,
                ),
            )
            self._db.executemany(
                "INSERT INTO samples (request, sample, call, text, finish_reason)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (request, sample) DO UPDATE"
                " SET call = excluded.call, text = excluded.text,"
                " finish_reason = excluded.finish_reason WHERE text IS NULL",
                [(number, n, claim.call, choice.text, choice.finish_reason) for n, choice in pairs],
            )
            self._free_samples(claim.call)
        return len(pairs)

    def fail(self, claim: Claim, error: str, charged: bool) -> None:
        """Record that no answer came; `charged` if the server may have charged nevertheless."""
        with self._ledger.writing():
            price = claim.worst_micro_usd
            if not charged:
                price = None if price is None else 0
            self._settle(claim, "unknown" if charged else "failed", price)
            self._db.execute("UPDATE calls SET error = ? WHERE id = ?", (error, claim.call))
            self._free_samples(claim.call)

    def leave_unknown(self, claimed: Sequence[Claim], error: str) -> None:
        """Record that it is not known whether calls were made. They count with their worst case,
        and their samples are not asked for again until they are answered or fail."""
        with self._ledger.writing():
            for claim in claimed:
                self._settle(claim, "unknown", claim.worst_micro_usd)
                self._db.execute("UPDATE calls SET error = ? WHERE id = ?", (error, claim.call))

    def end_lost_leases(self) -> int:
        """End the leases whose time is over or whose holder is dead; return their number. Call it
        within a transaction."""
        others = self._db.execute(
            "SELECT DISTINCT holder FROM calls WHERE state = 'open' AND holder IS NOT NULL"
            " AND holder IS NOT ?",
            (self._holder,),
        ).fetchall()
        dead = [holder for (holder,) in others if not is_alive(self._ledger.folder, holder)]
        places = ", ".join("?" * len(dead))
        lost = self._db.execute(
            "SELECT id, command, coalesce(worst_micro_usd, 0) FROM calls"
            f" WHERE state = 'open' AND (lease_until < ? OR holder IN ({places}))",
            (time.time(), *dead),
        ).fetchall()
        for call, command, worst in lost:
            self._db.execute(
                "UPDATE calls SET state = 'unknown', settled_at = ?,"
                " price_micro_usd = worst_micro_usd, error = 'cut off' WHERE id = ?",
                (utc_now(), call),
            )
            budget.settle(self._db, command, worst, worst)
            self._free_samples(call)
        return len(lost)

    def _refusal(
        self, number: int, request: Request, samples: Sequence[int], worst_micro_usd: int | None
    ) -> Refusal | None:
        """Why the call may not be sent; None if its money is now reserved."""
        places = ", ".join("?" * len(samples))
        if self._db.execute(
            f"SELECT 1 FROM samples WHERE request = ? AND sample IN ({places})",
            (number, *samples),
        ).fetchone():
            return "leased"
        if self._at_once is not None and self._num_under_way(request.endpoint) >= self._at_once:
            return "busy"
        return budget.reserve(self._db, self._command, worst_micro_usd or 0)

    def _num_under_way(self, endpoint: str) -> int:
        """How many calls processes have sent; those of batches, which no process holds, do not
        count."""
        (number,) = self._db.execute(
            "SELECT count(*) FROM calls JOIN requests ON requests.id = request"
            " WHERE state = 'open' AND holder IS NOT NULL AND endpoint = ?",
            (endpoint,),
        ).fetchone()
        return int(number)

    def _open(
        self, number: int, num_asked: int, worst_micro_usd: int | None, seed: int | None
    ) -> int:
        call = self._db.execute(
            "INSERT INTO calls (request, state, num_asked, seed, command, holder, lease_until,"
            " worst_micro_usd, opened_at) VALUES (?, 'open', ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                num_asked,
                seed,
                self._command,
                self._holder,
                time.time() + self._lease_s,
                worst_micro_usd,
                utc_now(),
            ),
        ).lastrowid
        assert call is not None
        return call

    def _settle(self, claim: Claim, state: str, price_micro_usd: int | None) -> None:
        before, counted = self._db.execute(
            "SELECT state, coalesce(price_micro_usd, 0) FROM calls WHERE id = ?", (claim.call,)
        ).fetchone()
        price = price_micro_usd or 0
        if before == "open":
            budget.settle(self._db, self._command, claim.worst_micro_usd or 0, price)
        else:  # the lease had ended
            budget.correct_spending(self._db, self._command, price - counted)
        self._db.execute(
            "UPDATE calls SET state = ?, price_micro_usd = ?, settled_at = ? WHERE id = ?",
            (state, price_micro_usd, utc_now(), claim.call),
        )

    def _free_samples(self, call: int) -> None:
        self._db.execute("DELETE FROM samples WHERE call = ? AND text IS NULL", (call,))


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
