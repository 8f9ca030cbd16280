"""Turns SIGINT and SIGTERM into exit codes: 130 and 143.

Lightning would turn KeyboardInterrupt into exit code 1 and SIGTERM into 0. It passes SystemExit on,
after it has saved its checkpoint.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Never

EXITS = (128 + signal.SIGINT, 128 + signal.SIGTERM)
SENT_AGAIN_S = 0.01


@contextmanager
def signals_as_exits() -> Iterator[None]:
    """Within the block SIGINT and SIGTERM raise SystemExit(128 + number)."""

    def stop(number: int, frame: FrameType | None) -> Never:
        raise SystemExit(128 + number)

    def send_again(lost: "sys.UnraisableHookArgs") -> None:
        if isinstance(lost.exc_value, SystemExit) and lost.exc_value.code in EXITS:
            again = int(lost.exc_value.code) - 128
            timer = threading.Timer(SENT_AGAIN_S, os.kill, (os.getpid(), again))
            timer.daemon = True
            timer.start()
        else:
            hook_before(lost)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    # Python discards exceptions raised in a finalizer or a weak reference's callback.
    hook_before, sys.unraisablehook = sys.unraisablehook, send_again
    try:
        yield
    finally:
        sys.unraisablehook = hook_before
        for number, handler in before.items():
            signal.signal(number, handler)
