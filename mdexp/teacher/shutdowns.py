"""The days on which providers retire hosted models, as announced by June 2026."""

import re
from datetime import date
from urllib.parse import urlsplit

_OPENAI = {
    "gpt-3.5-turbo": date(2026, 10, 23),
    "gpt-4": date(2026, 10, 23),
    "gpt-4-turbo": date(2026, 10, 23),
    "gpt-4.1-nano": date(2026, 10, 23),
    "o1": date(2026, 10, 23),
    "o3-mini": date(2026, 10, 23),
    "o4-mini": date(2026, 10, 23),
    "gpt-5": date(2026, 12, 11),
    "gpt-5-mini": date(2026, 12, 11),
    "gpt-5-nano": date(2026, 12, 11),
    "o3": date(2026, 12, 11),
    "gpt-4o": date(2027, 1, 14),
    "gpt-4o-mini": date(2027, 1, 14),
    "gpt-4.1": date(2027, 1, 14),
    "gpt-4.1-mini": date(2027, 1, 14),
    "gpt-5.1": date(2027, 4, 1),
    "gpt-5.4-nano": date(2027, 4, 1),
}
_LAST_DAYS = {"api.openai.com": _OPENAI}
_VERSION = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{4}|latest)$")


def last_day(url: str, model: str) -> date | None:
    """The last day of a model at an endpoint, or None; a dated version has the day of its model."""
    days = _LAST_DAYS.get(urlsplit(url).hostname or "", {})
    return days.get(model) or days.get(_VERSION.sub("", model))
