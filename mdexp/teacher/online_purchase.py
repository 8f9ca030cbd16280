"""Buys the answers that a ledger lacks with many concurrent calls: each is claimed, sent and
settled.

A request waits in a queue until it is due. A worker takes it, waits for the rate limits, claims a
call and sends it. A request goes back into the queue if its call failed temporarily, if another
process is asking for it, or if the budget cannot cover it yet. So no worker waits while another
request could be sent.

One call asks for all missing samples of a request. Many servers ignore `n`: from one that gave a
single choice, samples are asked for one by one, each with a seed of its own.
"""

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from mdexp.teacher.database import DiskFault
from mdexp.teacher.leases import Claim, Claims, Refusal
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.limits import Limiter
from mdexp.teacher.patient_writer import PatientWriter
from mdexp.teacher.prices import Price, expected_tokens
from mdexp.teacher.progress import Progress
from mdexp.teacher.refusals import REFUSED_PROMPT
from mdexp.teacher.reply import Reply, filtered_reply
from mdexp.teacher.request import Request, Wanted
from mdexp.teacher.retry import Filtered, SetAside, TeacherError, Unanswered, pause_s
from mdexp.teacher.stopping import signals_as_event

log = logging.getLogger(__name__)

GRACE_S = 15.0  # seconds to wait, after a signal, for replies under way
POLL_S = 0.05  # seconds until a refused claim is tried again
MAX_GIVEN_UP_IN_A_ROW = 20
MAX_FAILED_AT_FIRST = 20  # failed calls or refused prompts before the first answer at all
_NAP_S = 0.2  # seconds between a sleeping worker's looks at the queue


class Server(Protocol):
    """What a purchase needs of client.Client; tests pass a stand-in."""

    async def ask(self, request: Request, num_answers: int, seed: int | None) -> Reply: ...


@dataclass(slots=True)
class Order:
    """A request with missing answers."""

    request: Request
    samples: Sequence[int]  # all that are wanted, answered or not
    num_failures: int = 0


class OnlinePurchase:
    """One purchase; without a price nothing is reserved."""

    def __init__(
        self,
        ledger: Ledger,
        claims: Claims,
        limiter: Limiter,
        server: Server,
        progress: Progress,
        *,
        price: Price | None,
        max_retries: int,
    ) -> None:
        self._ledger, self._claims, self._limiter = ledger, claims, limiter
        self._server, self._progress, self._tally = server, progress, progress.tally
        self._price, self._max_retries = price, max_retries
        self._queue: list[tuple[float, int, Order]] = []  # by when it is due, then by age
        self._ages = itertools.count()
        self._sending: set[asyncio.Task[None]] = set()
        self._writer = PatientWriter()
        self._honours_n = True
        self._given_up_in_a_row = 0
        self._error: TeacherError | None = None
        self._ended = False

    async def buy(self, wanted: Wanted, at_once: int) -> None:
        """Complete every request as far as the budget goes; TeacherError if the teacher cannot go
        on. A signal ends it early and is raised again."""
        for request, samples in wanted.items():
            self._put(Order(request, samples))
        with signals_as_event() as stop:
            workers = [asyncio.create_task(self._work()) for _ in range(at_once)]
            try:
                await self._work_until(stop, workers)
            finally:
                for worker in workers:
                    worker.cancel()
        if self._error:
            raise self._error

    async def _work_until(self, stop: asyncio.Event, workers: list[asyncio.Task[None]]) -> None:
        """Wait until all requests are done; or, after a worker's error or a signal, until the calls
        under way are answered."""
        stopped, done = asyncio.ensure_future(stop.wait()), asyncio.gather(*workers)
        done.add_done_callback(lambda it: it.cancelled() or it.exception())  # raised below, if ever
        either: set[asyncio.Future[Any]] = {stopped, done}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        self._ended = True
        if done.done():
            if self._sending:
                await asyncio.wait(self._sending, timeout=GRACE_S)
            done.result()  # raises a worker's error
            return
        log.warning("teacher: stopping; waiting for %d replies", len(self._sending))
        for worker in set(workers) - self._sending:
            worker.cancel()
        await asyncio.wait(workers, timeout=GRACE_S)

    async def _work(self) -> None:
        while self._queue and not self._ended:
            pause = self._queue[0][0] - time.monotonic()
            if pause > 0 or self._writer.num_waiting:
                await asyncio.sleep(min(pause, _NAP_S) if pause > 0 else _NAP_S)
                continue
            _, _, order = heapq.heappop(self._queue)
            await self._advance(order)
            self._progress.report()

    def _put(self, order: Order, pause: float = 0.0) -> None:
        heapq.heappush(self._queue, (time.monotonic() + pause, next(self._ages), order))

    async def _advance(self, order: Order) -> None:
        """Send one call for a request, if its claim is granted."""
        request = order.request
        missing = self._ledger.missing(request, order.samples)
        if not missing:  # another process has answered it
            self._progress.report(1)
            return
        samples, seed = self._share(request, missing)
        tokens = expected_tokens(request, len(samples))
        await self._limiter.wait(tokens)
        if self._ended:
            self._limiter.correct(tokens, requests=1)
            return
        worst = self._price.worst_micro_usd(request, len(samples)) if self._price else None
        claim = await self._writer.write(lambda: self._claims.claim(request, samples, worst, seed))
        if isinstance(claim, Claim):
            await self._send(order, claim, tokens)
        else:
            self._limiter.correct(tokens, requests=1)
            await self._hold_back(order, claim)

    def _share(self, request: Request, missing: list[int]) -> tuple[list[int], int | None]:
        """The samples that the next call asks for, and its seed."""
        if (seed := request.settings.get("seed")) is not None:
            return missing[:1], seed + missing[0]  # the same seed would bring the same answer again
        if self._honours_n:
            return missing, None
        return missing[:1], missing[0] or None

    async def _hold_back(self, order: Order, refusal: Refusal) -> None:
        match refusal:
            case "spent":
                self._tally["stopped by the budget"] += 1
                self._ended = True
            case "leased":
                self._put(order, POLL_S)
                await asyncio.sleep(0)  # many may be leased, and replies are waiting
            case "busy" | "reserved":  # like any other order
                self._put(order)
                await asyncio.sleep(POLL_S)

    async def _send(self, order: Order, claim: Claim, tokens: int) -> None:
        """Send a claimed call and store its outcome. A reply brings at least one answer or its
        request is given up, so the number of calls is bounded."""
        task = asyncio.current_task()
        assert task
        self._sending.add(task)
        self._tally["calls"] += 1
        try:
            reply = await self._server.ask(claim.request, len(claim.samples), claim.seed)
        except Unanswered as error:
            await self._fail(claim, str(error), charged=error.charged)
            self._failed(order, error, len(claim.samples))
        except SetAside as error:
            await self._fail(claim, str(error), charged=error.charged)
            self._set_aside(error)
            if error.charged:
                self._give_up(f"{error.kind}: {error}", len(claim.samples))
        except Filtered as error:
            refused = filtered_reply(len(claim.samples), str(error))
            await self._answered(order, claim, refused, tokens)
        except TeacherError as error:
            self._error, self._ended = error, True
            await self._fail(claim, str(error), charged=False)
        except asyncio.CancelledError:
            with suppress(DiskFault):  # an open call becomes `unknown` by itself
                self._claims.fail(claim, "cut off", charged=True)
            raise
        else:
            await self._answered(order, claim, reply, tokens)
        finally:
            self._sending.discard(task)

    async def _fail(self, claim: Claim, error: str, charged: bool) -> None:
        await self._writer.write(lambda: self._claims.fail(claim, error, charged=charged))

    async def _answered(self, order: Order, claim: Claim, reply: Reply, tokens: int) -> None:
        price = self._price.of_usage(reply.usage) if self._price else None
        if reply.usage is None:
            self._tally["replies without usage"] += 1
        if price is None:
            price = claim.worst_micro_usd
        num_answers = await self._writer.write(lambda: self._claims.answer(claim, reply, price))
        self._limiter.correct(tokens - (reply.usage or {}).get("total_tokens", tokens))
        self._count(reply, num_answers, len(claim.samples))
        if not reply.choices:
            self._give_up(f"{reply.without_answer[0]}, as in {reply.raw[:200]}", len(claim.samples))
            return
        order.num_failures = self._given_up_in_a_row = 0
        if self._ledger.missing(claim.request, order.samples):
            self._put(order)
        else:
            self._complete(order)

    def _complete(self, order: Order) -> None:
        if len(order.samples) > 1:
            answers = self._ledger.answers(order.request, order.samples)
            texts = [answer.text for answer in answers]
            self._tally["duplicates"] += len(texts) - len(set(texts))
        self._progress.report(1)

    def _count(self, reply: Reply, num_answers: int, num_asked: int) -> None:
        answers = reply.choices[:num_answers]
        self._honours_n = self._honours_n and not (reply.num_choices == 1 < num_asked)
        refused = sum(choice.is_refused for choice in answers)
        self._tally["answers"] += num_answers - refused
        self._tally["refused"] += refused
        self._tally["truncated"] += sum(choice.finish_reason == "length" for choice in answers)
        self._tally.update(reply.without_answer)

    def _failed(self, order: Order, error: Unanswered, num_samples: int) -> None:
        self._tally[error.kind] += 1
        order.num_failures += 1
        pause = pause_s(error, order.num_failures)
        if pause is None or order.num_failures > self._max_retries:
            self._give_up(str(error), num_samples)
        elif self._tally["answers"] or not self._is_hopeless(error):
            self._put(order, pause)

    def _is_hopeless(self, error: Unanswered) -> bool:
        """Whether many calls failed and none has succeeded since the start; HTTP 429 is no failure
        here."""
        calls = self._tally["calls"] - self._tally["HTTP 429"] - len(self._sending)
        if calls < MAX_FAILED_AT_FIRST:
            return False
        self._stop(f"not one of {calls} calls was answered, the last failed by {error}")
        return True

    def _set_aside(self, error: SetAside) -> None:
        """Set a request aside: the first of a kind is logged at once, and all are counted. If the
        reason is unknown and no answer has come yet, the settings may be wrong, and the purchase
        ends."""
        if not self._tally[error.kind]:
            log.warning("teacher: %s: set aside, the others go on: %s", error.kind, error)
        self._tally[error.kind] += 1
        number = self._tally[REFUSED_PROMPT]
        if number >= MAX_FAILED_AT_FIRST and not self._tally["answers"]:
            self._stop(f"not one of the first {number} prompts was answered: {error}")

    def _give_up(self, why: str, num_samples: int) -> None:
        self._tally["given up"] += num_samples
        self._given_up_in_a_row += 1
        log.warning("teacher: gave up %d answers: %s", num_samples, why)
        if self._given_up_in_a_row >= MAX_GIVEN_UP_IN_A_ROW:
            self._stop(
                f"{MAX_GIVEN_UP_IN_A_ROW} requests in a row went without an answer, the last by "
                f"{why}"
            )

    def _stop(self, reason: str) -> None:
        self._error = TeacherError(f"{reason}; what was bought is kept, run again to go on")
        self._ended = True
