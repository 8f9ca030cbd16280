"""SIGINT and SIGTERM as exit codes: 130 and 143.

Lightning turns KeyboardInterrupt into exit code 1 and SIGTERM into 0. SystemExit it lets through,
after it has saved what it has.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Never

EXITS = (128 + signal.SIGINT, 128 + signal.SIGTERM)


@contextmanager
def signals_as_exits() -> Iterator[None]:
    """Within the block SIGINT and SIGTERM raise SystemExit(128 + number)."""

    def stop(number: int, frame: FrameType | None) -> Never:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
