"""What runs below our own process, by /proc."""

import ctypes
import os
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of whatever below us loses its own: nothing can hide by a double fork."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("cannot become a subreaper")


def descendants(ancestor: int | None = None) -> dict[int, str]:
    """Process id and state (as in `ps`) of all below a process, by default our own."""
    parents, states = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        parents[int(entry.name)], states[int(entry.name)] = int(parent), state
    found: dict[int, str] = {}
    level = {ancestor or os.getpid()}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found.update({pid: states[pid] for pid in level})
    return found


def resident_mib(pid: int) -> float:
    """Memory of its own that a process holds (proportional set size)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no Pss in smaps_rollup")
