"""Attacks on the kernel's door: system calls by number, memory that can be executed, ptrace.

They get at the C library through numpy, which has ctypes loaded: without it there is no way to.
"""

from tests.sandbox.attacks import Attack

_OPENING = """\
import numpy, ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_size_t] * 6
def call(x86, arm, *args):
    number = {'x86_64': x86, 'aarch64': arm}[machine]
    return libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, args))
def text(words):
    kept.append(ctypes.create_string_buffer(words.encode()))
    return ctypes.addressof(kept[-1])
kept = []
"""
_NUMBERED = {
    "openat": ("open a file", "call(257, 56, -100, text(canary), 0)"),
    "openat2": (
        "open a file",
        "call(437, 437, -100, text(canary), ctypes.addressof(ctypes.create_string_buffer(24)), 24)",
    ),
    "open to write": ("write a file", "call(257, 56, -100, text(drop), 0o101, 0o666)"),
    "mkdirat": ("make a folder", "call(258, 34, -100, text(drop), 0o777)"),
    "unlinkat": ("remove a file", "call(263, 35, -100, text(canary), 0)"),
    "statx": ("look at a file", "call(332, 291, -100, text(canary), 0, 0xFFF, text(' ' * 256))"),
    "execve": ("become a program", "call(59, 221, text('/bin/true'), 0, 0)"),
    "execveat": ("become a program", "call(322, 281, -100, text('/bin/true'), 0, 0, 0)"),
    "socket": ("open a socket", "call(41, 198, 2, 1, 0)"),
    "memfd_create": ("make a file in memory", "call(319, 279, text('x'), 0)"),
    "ptrace traceme": ("be traced", "call(101, 117, 0, 0, 0, 0)"),
    "ptrace seize": ("trace the host", "call(101, 117, 0x4206, host, 0, 0)"),
    "process_vm_readv": (
        "read the memory of the host",
        "call(310, 270, host, vector(text('x'), 1), 1, vector(text('x'), 1), 1, 0) - 1",
    ),
    "process_vm_writev": (
        "write the memory of the host",
        "call(311, 271, host, vector(text('x'), 1), 1, vector(text('x'), 1), 1, 0) - 1",
    ),
    "kcmp": ("compare itself with the host", "call(312, 272, host, host, 0, 0, 0)"),
    "pidfd_open": ("hold the host", "call(434, 434, host, 0)"),
    "pidfd_getfd": ("take the host's descriptor", "call(438, 438, call(434, 434, host, 0), 0, 0)"),
    "kill": ("signal the host", "call(62, 129, host, 23)"),
    "tgkill": ("signal the host", "call(234, 131, host, host, 23)"),
    "rt_sigqueueinfo": ("signal the host", "call(129, 138, host, 23, text(' ' * 128))"),
    "io_uring_setup": ("open a queue", "call(425, 425, 4, text('\\0' * 120))"),
    "bpf": ("load a program", "call(321, 280, 0, text('\\0' * 120), 120)"),
    "perf_event_open": ("watch the machine", "call(298, 241, text('\\0' * 120), 0, -1, -1, 0)"),
    "userfaultfd": ("handle faults", "call(323, 282, 0)"),
    "keyctl": ("see the keys", "call(250, 219, 0, -3, 0)"),
    "unshare": ("get a name space of its own", "call(272, 97, 0x10000000)"),
    "mount": ("mount", "call(165, 40, 0, text('/tmp'), text('tmpfs'), 0, 0)"),
    "prctl": ("change its rights", "call(157, 167, 15, text('x'))"),
    "seccomp": ("change its filter", "call(317, 277, 1, 0, text('\\0' * 16))"),
    "shmget": ("share memory", "call(29, 194, 0, 4096, 0o1666)"),
    "mq_open": ("open a queue", "call(240, 180, text('x'), 0o102, 0o666, 0)"),
    "inotify": ("watch files", "call(294, 26, 0)"),
    "personality": ("change its layout", "call(135, 92, 0x0040000)"),
    "no such call": ("call what is not there", "call(9999, 9999)"),
}
_VECTOR = """\
def vector(base, size):
    kept.append((ctypes.c_long * 2)(base, size))
    return ctypes.addressof(kept[-1])
"""
# The numbers of x86-64's other tables: 32-bit programs, and x32.
_X32 = "call(0x40000000 | 257, 56, -100, text(canary), 0)"
_EXECUTABLE = {
    "mmap": "libc.mmap(0, 4096, 7, 0x22, 2**64 - 1, 0) not in (None, 2**64 - 1)",
    "mprotect": ("call(10, 226, libc.mmap(0, 4096, 3, 0x22, 2**64 - 1, 0), 4096, 5) == 0"),
    "pkey_mprotect": (
        "call(329, 288, libc.mmap(0, 4096, 3, 0x22, 2**64 - 1, 0), 4096, 5, -1) == 0"
    ),
    "shared library": "ctypes.CDLL(canary.replace('canary', 'library.so'))",
}
_CLONE = """
if call(56, 220, 17, 0, 0, 0, 0) == 0: call(60, 93, 0)
print('reached')
"""
_VFORKED = """
if libc.fork() == 0: libc._exit(0)
print('reached')
"""
_MEMFD_EXEC = """
fd = call(319, 279, text('x'), 0)
libc.write(fd, b'#!/bin/sh\\necho x > ' + drop.encode() + b'\\n', 99)
call(322, 281, fd, text(''), 0, 0, 0x1000)
"""
_SYSTEM = "\nlibc.system(f'echo x > {drop}'.encode())"
_DUP = """
import json
for fd in range(20):
    if libc.dup2(fd, 19) == 19 and fd != 19: print('copied', fd)
for fd in range(20): libc.write(fd, b'{"status": "ok", "answer": 13}\\n', 31)
"""
_SEGFAULT = "\nctypes.string_at(1)"
_ABORT = "\nlibc.abort()"
_STACK = "\nlibc.memset(ctypes.addressof(kept), 255, 10**7)"
_DISARM = """
libc.alarm(0)
libc.signal(14, 1)
libc.signal(15, 1)
libc.signal(24, 1)
libc.setitimer(0, text('\\0' * 32), 0)
libc.prctl(1, 0)
libc.setrlimit(0, text('\\xff' * 16))
while True: pass
"""
_STOP = "\nlibc.raise_(19) if hasattr(libc, 'raise_') else getattr(libc, 'raise')(19)"
_PAUSE = "\nlibc.pause()"
_BLOCK = "\nwhile True: libc.read(0, text(' ' * 9), 9) or libc.sleep(1000)"

KERNEL = (
    *(
        Attack(
            f"call: {name}",
            must_not,
            f"{_OPENING}{_VECTOR}if {made} >= 0: print('reached')",
            control=name in ("openat", "mkdirat", "memfd_create", "socket", "pidfd_open"),
        )
        for name, (must_not, made) in _NUMBERED.items()
    ),
    Attack(
        "call: x32", "open a file by another table", f"{_OPENING}if {_X32} >= 0: print('reached')"
    ),
    *(
        Attack(
            f"executable: {name}",
            "get memory in which to run its own code",
            f"{_OPENING}if {made}: print('reached')",
            control=name in ("mmap", "mprotect"),
        )
        for name, made in _EXECUTABLE.items()
    ),
    Attack("clone", "start a process", _OPENING + _CLONE, control=True),
    Attack("fork of the C library", "start a process", _OPENING + _VFORKED, control=True),
    Attack("memfd and exec", "run a program from memory", _OPENING + _MEMFD_EXEC, control=True),
    Attack("system of the C library", "run a program", _OPENING + _SYSTEM, control=True),
    Attack("dup2", "answer for the next program", _OPENING + _DUP),
    Attack("segmentation fault", "end more than itself", _OPENING + _SEGFAULT),
    Attack("abort", "end more than itself", _OPENING + _ABORT),
    Attack("overwritten memory", "end more than itself", _OPENING + _STACK),
    Attack("disarmed timers", "run for ever", _OPENING + _DISARM),
    Attack("stopped", "hold up its worker", _OPENING + _STOP),
    Attack("paused", "hold up its worker", _OPENING + _PAUSE),
    Attack("asleep", "hold up its worker", _OPENING + _BLOCK),
)
