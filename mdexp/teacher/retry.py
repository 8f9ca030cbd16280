"""The ways in which a call fails: a temporary failure is retried after a pause, others end the
purchase with advice.

Retried: 408, 409, 429, 5xx, lost connections, time-outs, replies without an answer. Never retried:
an exhausted quota, which also comes as 429, and requests that the server would refuse again.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_S = 120.0
FIRST_PAUSE_S = 0.5  # the longest pause, in seconds; it doubles with each failure of a request
LONGEST_PAUSE_S = 30.0
RETRY_AFTER_JITTER_S = 1.0

_ADVICE = {
    400: "the server refuses the prompt or a parameter: null leaves one out (teacher.temperature, "
    "teacher.top_p, teacher.max_tokens), teacher.extra adds one, such as max_completion_tokens",
    401: "the key is not accepted: see the environment variable that teacher.api_key_env names",
    403: "the key may not use this model or endpoint: see teacher.model and teacher.base_url",
    404: "no such model or address: see teacher.model and teacher.base_url (it often ends in /v1)",
}
_NO_MONEY = "the account has no credit left: add some, then run again; what was bought is kept"


class TeacherError(RuntimeError):
    """The teacher cannot go on; the message says what to do. The answers so far are in the
    ledger."""


class Filtered(Exception):
    """The server refuses to answer this one request: an outcome, not a failure."""


class SetAside(Exception):
    """The server cannot answer this one prompt; the others go on, and a later run asks again.
    `kind` is how it is counted; `charged` says that it may have cost money."""

    def __init__(self, kind: str, detail: str, *, charged: bool = False) -> None:
        super().__init__(detail)
        self.kind = kind
        self.charged = charged


class Unanswered(Exception):
    """One call failed, perhaps temporarily. `kind` is how it is counted; `charged` says that it may
    have cost money."""

    def __init__(
        self, kind: str, detail: str, *, charged: bool, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.charged = charged
        self.retry_after_s = retry_after_s


def judge_status(
    status: int, codes: Sequence[object], detail: str, headers: Mapping[str, str]
) -> Exception:
    """The exception for an HTTP error; `codes` are the server's codes for it."""
    if status == 402 or "insufficient_quota" in codes:
        return TeacherError(f"{_NO_MONEY} (HTTP {status}: {detail})")
    if status in (408, 409, 429) or status >= 500:
        wait_s = retry_after_s(headers)
        return Unanswered(f"HTTP {status}", detail, charged=False, retry_after_s=wait_s)
    advice = _ADVICE.get(status, "the server refuses the request")
    return TeacherError(f"{advice} (HTTP {status}: {detail})")


def pause_s(error: Unanswered, num_failures: int) -> float | None:
    """Seconds until the next try, with jitter so that requests do not return all at once; None if
    the server asks for a longer pause than is acceptable."""
    if error.retry_after_s is None:
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (num_failures - 1))
        return random.uniform(0, longest)
    if error.retry_after_s > MAX_RETRY_AFTER_S:
        return None
    return error.retry_after_s + random.uniform(0, RETRY_AFTER_JITTER_S)


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a server asks to wait; `retry-after` is a number or a date."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        if not (value := headers.get("retry-after")):
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
