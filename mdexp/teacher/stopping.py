"""Handles Ctrl-C and SIGTERM while calls are under way: no new call is sent, and paid ones are
awaited.

The first signal sets an event; when the block ends, the signal is raised again for the earlier
handler. A second signal takes effect at once.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_as_event() -> Iterator[asyncio.Event]:
    """Within the block, in a running loop, the first SIGINT or SIGTERM sets the event."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        yield event  # Python delivers signals to the main thread only
        return
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        _restore(before)
        loop.call_soon_threadsafe(event.set)  # wakes the loop

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield event
    finally:
        _restore(before)
        if received:
            signal.raise_signal(received[0])


def _restore(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
