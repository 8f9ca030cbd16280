"""What runs below our own process, by /proc."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of whatever below us loses its own: nothing can hide by a double fork."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("cannot become a subreaper")


def descendants(ancestor: int | None = None) -> dict[int, str]:
    """Process id and state (as in `ps`) of all below a process, by default our own."""
    found: dict[int, str] = {}
    level = _children(ancestor or os.getpid())
    while level:
        for pid in level:
            with suppress(OSError):  # it has just ended
                found[pid] = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        level = [child for pid in level for child in _children(pid)]
    return found


def _children(pid: int) -> list[int]:
    """What its threads have started, or have been given to look after."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def resident_mib(pid: int) -> float:
    """Memory of its own that a process holds (proportional set size)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no Pss in smaps_rollup")
