"""CPU time of this process and all below it, which other users of a busy machine do not add to."""

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """Of the living by their clocks, of children that they have waited for in ticks of 10 ms."""
    children: dict[int, list[int]] = {}
    waited_for = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        pid = int(entry.parent.name)
        children.setdefault(int(fields[1]), []).append(pid)
        waited_for[pid] = (int(fields[13]) + int(fields[14])) / _TICKS
    total, found = 0.0, [os.getpid()]
    while found:
        pid = found.pop()
        found += children.get(pid, [])
        total += _clock(pid) + waited_for[pid]
    return total


def _clock(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | 2)  # linux/posix-timers.h
    except OSError:
        return 0.0
