"""Starts a Monty worker with a kernel filter, as a second barrier.

Monty keeps programs from the system by itself and sets no kernel filter. Its pool starts whatever
executable it is given, so it is given a script that confines itself and becomes the worker: no
sockets, no other program, no tracing, no new or changed file; as root, no root either.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from mdexp.sandbox.confined import bpf, seccomp
from mdexp.sandbox.confined.unprivileged import become_nobody

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_START = "import sys; sys.path.append(sys.argv[1]); from mdexp.sandbox.monty_launcher import become"

# name: number on x86_64 and on aarch64
_DENIED: dict[str, bpf.Numbers] = {
    "accept": (43, 202),
    "add_key": (248, 217),
    "bind": (49, 200),
    "bpf": (321, 280),
    "chmod": (90, None),
    "chown": (92, None),
    "connect": (42, 203),
    "creat": (85, None),
    "execve": (59, 221),
    "fchmodat": (268, 53),
    "fchownat": (260, 54),
    "finit_module": (313, 273),
    "init_module": (175, 105),
    "io_uring_setup": (425, 425),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "link": (86, None),
    "linkat": (265, 37),
    "listen": (50, 201),
    "memfd_create": (319, 279),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "mount": (165, 40),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "pidfd_open": (434, 434),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "rmdir": (84, None),
    "setns": (308, 268),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "truncate": (76, 45),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vfork": (58, None),
}
_OPEN: bpf.Numbers = (2, None)
_OPENAT: bpf.Numbers = (257, 56)
_EXECVEAT: bpf.Numbers = (322, 281)


def write_launcher(directory: Path, monty: Path) -> Path:
    """Write an executable that starts this Monty binary confined; its path, for `binary_path`."""
    path = directory / "monty"
    package_parent = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-I", "-S", "-B", "-c", f"{_START}; become()"]
    words = shlex.join([*command, str(package_parent), str(monty)])
    # Ctrl-C is for the main process, but reaches every process of the terminal.
    path.write_text(f"#!/bin/sh\ntrap '' INT\nexec {words} \"$@\"\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def become() -> NoReturn:
    """Turn this process into the confined worker that its arguments name. OSError if it cannot."""
    monty, *arguments = sys.argv[2:]
    # Opened before the user changes, who may have no way to where it lies.
    descriptor = os.open(monty, os.O_RDONLY | os.O_CLOEXEC)
    become_nobody()
    seccomp.install(_worker_filter(descriptor))
    os.execve(descriptor, [monty, *arguments], {})


def _worker_filter(executable: int) -> bytes:
    """Allows to run what one descriptor holds, which the run itself closes."""
    rules = [bpf.always(call, bpf.DENY) for call in _DENIED.values()]
    rules.append(bpf.if_equal(_EXECVEAT, argument=0, operand=executable))
    rules.append(bpf.if_no_bit(_OPEN, argument=1, operand=_WRITES))
    rules.append(bpf.if_no_bit(_OPENAT, argument=2, operand=_WRITES))
    return bpf.assembled(rules, otherwise=bpf.ALLOW)
