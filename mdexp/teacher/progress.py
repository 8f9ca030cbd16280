"""Shows how far a purchase is: answers, failures, cost and time left."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Self

from mdexp.ports.progress import ProgressBar
from mdexp.teacher.budget import MICRO

log = logging.getLogger(__name__)

# What this command spent and what is left of its budget (None: no limit), in millionths of a
# dollar; None without a price.
Money = Callable[[], tuple[int, int | None] | None]


class Progress:
    """The progress of `num_requests` requests. `tally` counts answers, calls and failures by kind;
    `title` names what is asked for."""

    def __init__(self, num_requests: int, money: Money, title: str = "teacher") -> None:
        self.tally: Counter[str] = Counter()
        self._money = money
        self._bar = ProgressBar(num_requests, title, "requests", log, self.account)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def report(self, num_completed: int = 0) -> None:
        """Note that `num_completed` more requests are completed."""
        self._bar.advance(num_completed)

    def account(self) -> str:
        """`$0.02 spent, $4.98 left; answers 14, HTTP 429 3`."""
        return "; ".join(filter(None, (spending_line(self._money()), counted(self.tally))))


def spending_line(money: tuple[int, int | None] | None) -> str:
    """`$0.02 spent, $4.98 left`; empty without a price."""
    if money is None:
        return ""
    spent, left = money
    return f"{dollars(spent)} spent" + ("" if left is None else f", {dollars(left)} left")


def dollars(micro_usd: int) -> str:
    """A sum in dollars: to the cent, below a dollar to the millionth."""
    usd = micro_usd / MICRO
    return f"${usd:.2f}" if usd == 0 or abs(usd) >= 1 else f"${usd:.6f}".rstrip("0")


def counted(tally: Counter[str]) -> str:
    return ", ".join(f"{kind} {number}" for kind, number in tally.items() if number)
