"""What an endpoint charges for a model's answers, and how much may be spent."""

import logging
from dataclasses import dataclass
from typing import Literal

from mdexp.teacher.endpoint import is_loopback
from mdexp.teacher.prices import FREE, Price, listed_price

log = logging.getLogger(__name__)

DEFAULT_BUDGET_USD = 5.0
Mode = Literal["online", "batch"]


@dataclass(frozen=True, kw_only=True)
class Charges:
    """`given` and `limit_usd` are the teacher's keys `price` and `budget_usd`."""

    url: str
    endpoint: str
    model: str
    mode: Mode
    given: Price | None
    limit_usd: float | Literal["auto"] | None

    def price(self, mode: Mode) -> Price | None:
        """The price in a mode: the one given, nothing on this machine, else the listed one; None if
        it is not known."""
        if self.given:
            return self.given if mode == self.mode else None
        if is_loopback(self.url):
            return FREE
        return listed_price(self.url, self.model, by_batch=mode == "batch")

    def budget_usd(self) -> float | None:
        """The budget in USD; None for no limit."""
        if self.limit_usd == "auto":
            return DEFAULT_BUDGET_USD if self.price(self.mode) not in (None, FREE) else None
        return self.limit_usd

    def refuse_unknown(self) -> None:
        """If no price is known: ValueError where there is a budget to keep, else a warning."""
        if self.price(self.mode) is not None:
            return
        unknown = f"no price is known for {self.model} at {self.endpoint}"
        remedy = "'teacher.price={input: 1.25, output: 10}', in USD per million tokens"
        if isinstance(self.limit_usd, float):
            raise ValueError(
                f"teacher.budget_usd: {unknown}, so the budget could not be kept; give it, as in "
                f"{remedy}; nothing was sent"
            )
        log.warning("teacher: %s: what it costs is not counted; give it: %s", unknown, remedy)
