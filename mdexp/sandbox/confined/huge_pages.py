"""Asks for huge pages in the memory that children share with their template, so that a fork copies
less.

A forked child has its own page table: one entry for each 4 KiB in use, or for each 2 MiB of a huge
page. For a template with sympy that is half of what a fork costs. Linux >= 6.1 makes huge pages on
demand; elsewhere nothing happens.
"""

import ctypes
from pathlib import Path

_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
_HUGE_BYTES = 2 * 2**20


def collapse() -> None:
    """Ask for huge pages wherever this process has written; failures are ignored."""
    libc = ctypes.CDLL(None)
    for start, size in _written(Path("/proc/self/maps").read_text(encoding="utf-8")):
        for advice in (_MADV_HUGEPAGE, _MADV_COLLAPSE):
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), advice)


def _written(maps: str) -> list[tuple[int, int]]:
    """Start and size of the anonymous areas in a memory map that hold a huge page."""
    areas = []
    for line in maps.splitlines():
        addresses, rights, *_, inode = line.split(maxsplit=5)[:5]
        start, end = (int(address, 16) for address in addresses.split("-"))
        anonymous = inode == "0" and "[stack]" not in line
        if anonymous and rights.startswith("rw") and end - start >= _HUGE_BYTES:
            areas.append((start, end - start))
    return areas
