"""Stops the clocks that programs read, so that time is the same in every run and tier.

Every elapsed time is 0; each clock shows what Monty shows. Functions that go on in C (`timeit`,
waiting for a lock) are left alone.
"""

import time
from datetime import UTC, datetime
from typing import Any, SupportsIndex

NOW = datetime(2024, 1, 1, tzinfo=UTC)

_SECONDS = NOW.timestamp()
_LOCALTIME, _GMTIME, _CTIME = time.localtime, time.gmtime, time.ctime
_STRFTIME, _ASCTIME = time.strftime, time.asctime


def stop() -> None:
    """Stop the clocks of `time` and `datetime` in this process, for whoever looks them up later."""
    for name in ("time", "monotonic", "perf_counter", "clock_gettime"):
        setattr(time, name, lambda *_clock: _SECONDS)
        setattr(time, f"{name}_ns", lambda *_clock: int(_SECONDS) * 10**9)
    for name in ("process_time", "thread_time"):
        setattr(time, name, lambda: 0.0)
        setattr(time, f"{name}_ns", lambda: 0)
    time.sleep = _no_sleep
    time.localtime = lambda seconds=None, /: _LOCALTIME(_SECONDS if seconds is None else seconds)
    time.gmtime = lambda seconds=None, /: _GMTIME(_SECONDS if seconds is None else seconds)
    time.ctime = lambda seconds=None, /: _CTIME(_SECONDS if seconds is None else seconds)
    time.strftime = lambda form, date=None, /: _STRFTIME(form, date or _LOCALTIME(_SECONDS))
    time.asctime = lambda date=None, /: _ASCTIME(date or _LOCALTIME(_SECONDS))
    _replace_methods(datetime, {"now": classmethod(_now), "utcnow": classmethod(_utcnow)})


def _no_sleep(_seconds: SupportsIndex | float, /) -> None:
    """A program's sleep takes no time."""


def _now(kind: type[datetime], tz: Any = None) -> datetime:
    return kind.fromtimestamp(_SECONDS, tz)


def _utcnow(kind: type[datetime]) -> datetime:
    return kind.fromtimestamp(_SECONDS, UTC).replace(tzinfo=None)


def _replace_methods(kind: type, methods: dict[str, Any]) -> None:
    """Replace methods of a type of C: `setattr` refuses to, and a subclass prints otherwise."""
    # Here, so that no function that a program finds has them among its names.
    import ctypes
    import gc

    (names, *_) = gc.get_referents(vars(kind))  # behind its read-only view
    names.update(methods)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))
