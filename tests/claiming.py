"""A request, a reply and a clerk: what tests of claims and of the ledger start from."""

from typing import Any

from mdexp.teacher import budget
from mdexp.teacher.leases import Claims
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.reply import Choice, Reply
from mdexp.teacher.request import Request

REQUEST = Request(
    endpoint="https://api.example.com/v1",
    model="large",
    messages=[{"role": "user", "content": "2 + 2?"}],
    settings={"temperature": 0.7, "max_tokens": 64},
)


def reply(*texts: str) -> Reply:
    choices = [Choice(text=text, finish_reason="stop") for text in texts]
    return Reply(
        choices=choices, model="large-0001", usage={"total_tokens": 9}, raw="{}", fingerprint="fp_1"
    )


def claims(ledger: Ledger, limit_micro_usd: int | None = None, **changes: Any) -> Claims:
    """One who buys for the command `test`, with this budget."""
    options: dict[str, Any] = {"holder": None, "command": "test", "lease_s": 60, "at_once": 99}
    options |= changes
    budget.open_budget(ledger.db, options["command"], limit_micro_usd)
    return Claims(ledger, **options)
