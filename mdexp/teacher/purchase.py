"""Makes one purchase: opens the budget, the limits and the connection, buys, and logs the
outcome."""

import asyncio
import logging
from dataclasses import dataclass

from mdexp.teacher import budget
from mdexp.teacher.client import Client
from mdexp.teacher.command_id import current_command
from mdexp.teacher.holder import Holder
from mdexp.teacher.leases import Claims
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.limits import Limiter
from mdexp.teacher.online_purchase import OnlinePurchase
from mdexp.teacher.prices import FREE, Price
from mdexp.teacher.progress import Progress, dollars
from mdexp.teacher.request import Wanted

log = logging.getLogger(__name__)

_LEASE_SLACK_S = 60.0  # added to a call's own time limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How answers are bought; none of this changes the answers."""

    base_url: str
    endpoint: str
    price: Price | None  # None: not known
    budget_micro_usd: int | None  # None: no limit
    concurrency: int
    requests_per_minute: float | None
    tokens_per_minute: float | None
    timeout_s: float
    max_retries: int


def purchase(
    wanted: Wanted, ledger: Ledger, terms: Terms, key: str, title: str = "teacher"
) -> None:
    """Buy the missing answers as far as the budget goes; `title` begins the lines of progress.
    TeacherError if the teacher cannot go on; ValueError, before anything is sent, for terms that
    cannot be kept."""
    if terms.price and terms.budget_micro_usd is not None:
        for request, samples in wanted.items():
            terms.price.worst_micro_usd(request, len(samples))
    asyncio.run(_purchase(wanted, ledger, terms, key, title))


async def _purchase(wanted: Wanted, ledger: Ledger, terms: Terms, key: str, title: str) -> None:
    command, before = current_command(), ledger.num_missing(wanted)
    rates = (terms.requests_per_minute, terms.tokens_per_minute)

    def money() -> tuple[int, int | None] | None:
        paid = terms.price not in (None, FREE)
        return budget.spent_and_left(ledger.db, command) if paid else None

    with (
        Progress(len(wanted), money, title) as progress,
        Holder(ledger.folder) as holder,
        Limiter(ledger.folder, terms.endpoint, *rates) as limiter,
    ):
        claims = Claims(
            ledger,
            holder=holder.name,
            command=command,
            lease_s=terms.timeout_s + _LEASE_SLACK_S,
            at_once=terms.concurrency,
        )
        _begin(ledger, claims, command, terms)
        try:
            async with Client(terms.base_url, key, terms.timeout_s) as client:
                online = OnlinePurchase(
                    ledger,
                    claims,
                    limiter,
                    client,
                    progress,
                    price=terms.price,
                    max_retries=terms.max_retries,
                )
                await online.buy(wanted, terms.concurrency)
        finally:
            _conclude(progress, before, ledger.num_missing(wanted), terms)


def _begin(ledger: Ledger, claims: Claims, command: str, terms: Terms) -> None:
    with ledger.writing():
        budget.open_budget(ledger.db, command, terms.budget_micro_usd)
        cut_off = claims.end_lost_leases()
    log.info("teacher: the ledger records this purchase under the command %s", command)
    if cut_off:
        log.warning(
            "teacher: %d calls were under way when an earlier run was cut off; they may have been "
            "charged, count with the most they can cost, and are asked again",
            cut_off,
        )


def _conclude(progress: Progress, before: int, missing: int, terms: Terms) -> None:
    refused = progress.tally["refused"]
    bought = before - missing - refused
    log.info("teacher: %d of %d answers bought; %s", bought, before, progress.account())
    if refused:
        log.warning("teacher: %d were refused, and are not asked for again", refused)
    if not missing:
        return
    log.warning("teacher: %d of %d answers could not be had", missing, before)
    if progress.tally["stopped by the budget"] and terms.budget_micro_usd is not None:
        log.warning(
            "teacher: stopped by teacher.budget_usd: what is left of %s may not pay for another "
            "call; the same command buys the rest, with as much for itself",
            dollars(terms.budget_micro_usd),
        )
