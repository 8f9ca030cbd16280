"""Buys the answers that a ledger lacks, several at once, each stored as it arrives.

A call asks for all missing samples of one request. Many servers ignore `n`, so the choices are
counted and the rest is asked for again. A call that fails for good leaves its samples missing;
the others go on. An exhausted quota or a refused request stops the sending, not what is under way.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable

from mdexp.teacher.client import Client, TeacherError, Unanswered
from mdexp.teacher.ledger import Ledger, Request

log = logging.getLogger(__name__)

REPORT_EVERY_S = 10.0
MAX_FAILED_IN_A_ROW = 20


class Extraction:
    """One purchase. `tally` counts what was bought and what went wrong."""

    def __init__(self, ledger: Ledger, client: Client, num_paths: int, tally: Counter[str]) -> None:
        self._ledger = ledger
        self._client = client
        self._num_paths = num_paths
        self._tally = tally
        self._failed_in_a_row = 0
        self._stop: TeacherError | None = None
        self._reported_at = time.monotonic()

    async def buy(self, requests: Iterable[Request], concurrency: int) -> None:
        """Complete every request; TeacherError if the teacher cannot go on."""
        # Problems with the same question share their answers.
        unique = {request.identity(0): request for request in requests}
        self._tally["requests"] = len(unique)
        queue = iter(unique.values())

        async def work() -> None:
            for request in queue:  # the workers share one iterator
                if self._stop:
                    return
                await self._complete(request)
                self._report()

        try:
            await asyncio.gather(*(work() for _ in range(concurrency)))
        finally:
            log.info("teacher: %s", _words(self._tally))
        if self._stop:
            raise self._stop

    async def _complete(self, request: Request) -> None:
        """Every reply brings at least one answer, so the number of calls is bounded."""
        while (missing := self._ledger.missing(request, self._num_paths)) and not self._stop:
            call = self._ledger.open_call(request, len(missing))
            try:
                reply = await self._client.ask(request, missing[0], len(missing))
            except Unanswered as error:
                self._ledger.fail_call(call, str(error))
                self._skip(error, len(missing))
                return
            except TeacherError as error:
                self._ledger.fail_call(call, str(error))
                self._stop = error
                return
            self._tally["answers"] += self._ledger.answer_call(call, request, missing, reply)
            self._failed_in_a_row = 0
        if not self._stop:
            self._tally["completed"] += 1

    def _skip(self, error: Unanswered, num_samples: int) -> None:
        self._tally["given up"] += num_samples
        self._failed_in_a_row += 1
        log.warning("teacher: %d answers given up: %s", num_samples, error)
        if self._failed_in_a_row >= MAX_FAILED_IN_A_ROW:
            self._stop = TeacherError(
                f"{MAX_FAILED_IN_A_ROW} requests in a row went without an answer, the last by "
                f"{error}; what was bought is kept, run again to go on"
            )

    def _report(self) -> None:
        if time.monotonic() - self._reported_at >= REPORT_EVERY_S:
            self._reported_at = time.monotonic()
            log.info("teacher: %s", _words(self._tally))


def _words(tally: Counter[str]) -> str:
    """`5 of 9 requests completed; answers 14, calls 17, HTTP 429 3`."""
    rest = {k: n for k, n in tally.items() if k not in ("requests", "completed") and n}
    head = f"{tally['completed']} of {tally['requests']} requests completed"
    return "; ".join([head, ", ".join(f"{kind} {n}" for kind, n in rest.items())])
