"""Repeats writes to a ledger whose disk is full, broken or read-only until they succeed.

Meanwhile the outcome of a paid call is kept in memory, and no further call is sent.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from mdexp.teacher.database import DiskFault

log = logging.getLogger(__name__)

AGAIN_S = 1.0
REPORT_EVERY_S = 60.0
PATIENCE_S = 3600.0  # then the write is given up
_T = TypeVar("_T")


class PatientWriter:
    """Repeats the writes of one purchase; `num_waiting` of them are waiting for the disk."""

    def __init__(self) -> None:
        self.num_waiting = 0
        self._reported = -REPORT_EVERY_S

    async def write(self, action: Callable[[], _T]) -> _T:
        """The result of `action`, a transaction, once the disk accepts it. DiskFault if it does not
        within PATIENCE_S."""
        try:
            return action()
        except DiskFault as error:
            self.num_waiting += 1
            self._report(error)
        try:
            return await self._repeat(action)
        except asyncio.CancelledError:
            log.error("teacher: the outcome of a call could not be written and is unknown")
            raise
        finally:
            self.num_waiting -= 1
            if not self.num_waiting:
                self._reported = -REPORT_EVERY_S  # the next fault is reported at once

    async def _repeat(self, action: Callable[[], _T]) -> _T:
        given_up_at = time.monotonic() + PATIENCE_S
        while True:
            await asyncio.sleep(AGAIN_S)
            try:
                result = action()
            except DiskFault as error:
                if time.monotonic() >= given_up_at:
                    raise
                self._report(error)
            else:
                log.info("teacher: the ledger can be written again")
                return result

    def _report(self, error: DiskFault) -> None:
        if time.monotonic() - self._reported >= REPORT_EVERY_S:
            self._reported = time.monotonic()
            log.warning(
                "teacher: the ledger cannot be written (%s); nothing more is sent, answers are "
                "kept in memory and written when the disk takes them: free some space, or Ctrl-C",
                error,
            )
