"""How far a purchase is: what came, what went wrong, what it costs, how long it will take."""

import logging
import time
from collections import Counter
from collections.abc import Callable

from mdexp.teacher.budget import MICRO

log = logging.getLogger(__name__)

REPORT_EVERY_S = 10.0

# Spent by this command, and left of its budget (None: no limit), in millionths of a dollar; None
# where there is no price.
Money = Callable[[], tuple[int, int | None] | None]


class Progress:
    """Of `num_requests` that lack answers. `tally` counts answers, calls and failures by kind."""

    def __init__(self, num_requests: int, money: Money) -> None:
        self.tally: Counter[str] = Counter()
        self.completed = 0
        self._num_requests, self._money = num_requests, money
        self._started = self._reported = time.monotonic()

    def report(self) -> None:
        """Log a line if the last one is old."""
        if time.monotonic() - self._reported >= REPORT_EVERY_S:
            self._reported = time.monotonic()
            log.info("teacher: %s", self.line())

    def line(self) -> str:
        """`5 of 9 requests; 2.5/s, 2 s to go; $0.02 spent, $4.98 left; answers 14, HTTP 429 3`."""
        parts = [f"{self.completed} of {self._num_requests} requests", self._speed()]
        parts += [spending_line(self._money()), counted(self.tally)]
        return "; ".join(part for part in parts if part)

    def _speed(self) -> str:
        rate = self.completed / max(time.monotonic() - self._started, 1e-9)
        left = self._num_requests - self.completed
        if not (rate and left):
            return f"{rate:.1f}/s"
        return f"{rate:.1f}/s, {duration(left / rate)} to go"


def spending_line(money: tuple[int, int | None] | None) -> str:
    """`$0.02 spent, $4.98 left`; empty without a price."""
    if money is None:
        return ""
    spent, left = money
    return f"{dollars(spent)} spent" + ("" if left is None else f", {dollars(left)} left")


def dollars(micro_usd: int) -> str:
    """To the cent, small sums to the millionth."""
    usd = micro_usd / MICRO
    return f"${usd:.2f}" if usd == 0 or abs(usd) >= 1 else f"${usd:.6f}".rstrip("0")


def duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 2:
        return f"{hours:.1f} h"
    return f"{minutes:.0f} min" if minutes >= 2 else f"{seconds:.0f} s"


def counted(tally: Counter[str]) -> str:
    return ", ".join(f"{kind} {number}" for kind, number in tally.items() if number)
