"""The memory of this process: how much it has held, and that it keeps what is freed.

glibc gives a large block back to the system when it is freed, and gets the next one page by page,
each cleared: a tenth to a fifth of a training step's time on a CPU (bench/train.py, LOG.md).
"""

import ctypes
import resource
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


def keep_freed_memory() -> bool:
    """Keep freed memory for the rest of the process. False where the C library is not glibc, and
    nothing is done."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, -1))


def peak_memory_mib() -> int:
    """The most memory this process has held, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20
