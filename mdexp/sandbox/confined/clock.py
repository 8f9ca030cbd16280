"""The time that programs read: the same in every run, in every tier."""

import time
from datetime import UTC, datetime
from typing import SupportsIndex

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def stop() -> None:
    """Stop this process's `time.time` and `time.sleep`; `datetime` and durations go on."""
    time.time = _seconds
    time.time_ns = _nanoseconds
    time.sleep = _no_sleep


def _seconds() -> float:
    return NOW.timestamp()


def _nanoseconds() -> int:
    return int(NOW.timestamp()) * 10**9


def _no_sleep(_seconds: SupportsIndex | float, /) -> None:
    """A program's sleep takes no time."""
