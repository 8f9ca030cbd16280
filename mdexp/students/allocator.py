"""Freed memory stays with the process.

glibc gives a large block back to the system when it is freed, and gets the next one page by page,
each cleared: a tenth to a fifth of a training step's time on a CPU (bench/train.py, LOG.md).
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


def keep_freed_memory() -> bool:
    """For the rest of the process; false where the C library is not glibc, and nothing is done."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, -1))
