"""The kernel filter of a confined program: its allowed system calls.

An allow-list: memory of its own, clocks, random bytes, its end, and writing to one descriptor. All
else (files, sockets, processes, signals to others, tracing) fails with EPERM, which Python raises
as PermissionError. Neither the filter nor NO_NEW_PRIVS can be taken back by the process.
"""

import ctypes
import os
import platform
import sys

from mdexp.sandbox.confined import bpf

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PROT_EXEC = 4

# name: number on x86_64, number on aarch64 (which lacks the older ones)
_SYSCALLS: dict[str, bpf.Numbers] = {
    "brk": (12, 214),
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "close": (3, 57),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "futex": (202, 98),
    "getegid": (108, 177),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "gettid": (186, 178),
    "gettimeofday": (96, 169),
    "getuid": (102, 174),
    "madvise": (28, 233),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "read": (0, 63),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "sigaltstack": (131, 132),
    "time": (201, None),
    "times": (100, 153),
}
_WRITE: bpf.Numbers = (1, 64)
_MAPPING: dict[str, bpf.Numbers] = {"mmap": (9, 222), "mprotect": (10, 226)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def unknown_here() -> str:
    """Why this machine has no filter, in one sentence; empty if it has one."""
    if sys.platform != "linux":
        return f"a kernel filter (seccomp) needs Linux, this is {sys.platform}"
    if platform.machine() not in bpf.ARCHITECTURES:
        known = ", ".join(bpf.ARCHITECTURES)
        return f"there is a kernel filter for {known}, not for {platform.machine()!r}"
    return ""


def program_filter(writable: int) -> bytes:
    """The filter of a process that may write to one descriptor and open nothing."""
    rules = [bpf.always(call, bpf.ALLOW) for call in _SYSCALLS.values()]
    rules.append(bpf.if_equal(_WRITE, argument=0, operand=writable))
    rules += [bpf.if_no_bit(call, argument=2, operand=_PROT_EXEC) for call in _MAPPING.values()]
    return bpf.assembled(rules, otherwise=bpf.DENY)


def install(instructions: bytes) -> None:
    """Set a filter on the calling thread and its children for good. OSError if refused."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    program = _Program(len(instructions) // 8, instructions)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


def end_with_parent(signal_number: int) -> None:
    """Have the kernel send this signal when the thread that started this process ends."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def forbid_tracing() -> None:
    """Keep processes of the same user from reading this one."""
    _prctl(_PR_SET_DUMPABLE, 0)


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    if _LIBC.prctl(option, *padded) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


_LIBC = ctypes.CDLL(None, use_errno=True)
