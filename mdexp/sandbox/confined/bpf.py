"""Assembles filters from rules: classic BPF over `struct seccomp_data` (linux/seccomp.h).

A filter sees the architecture and number of a system call and its six arguments. It starts by
ending a process that calls with the numbers of another architecture, where they mean other things.
"""

import errno
import platform
import struct
from dataclasses import dataclass

ALLOW, DENY = 0x7FFF0000, 0x00050000 | errno.EPERM  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
_KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS

_LOAD, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # offsets in struct seccomp_data

Rule = list[bytes]
Numbers = tuple[int | None, int | None]  # of a system call on each architecture that has it


@dataclass(frozen=True)
class _Architecture:
    audit: int  # AUDIT_ARCH_* of linux/audit.h
    column: int  # of `Numbers`


ARCHITECTURES = {
    "x86_64": _Architecture(audit=0xC000003E, column=0),
    "aarch64": _Architecture(audit=0xC00000B7, column=1),
}


def assembled(rules: list[Rule], otherwise: int) -> bytes:
    """The filter of some rules, and the verdict on all other system calls."""
    audit = ARCHITECTURES[platform.machine()].audit
    head = [_load(_ARCHITECTURE_AT), _jump(_IF_EQUAL, audit, 1, 0), _return(_KILL)]
    body = [instruction for rule in rules for instruction in rule]
    return b"".join([*head, _load(_NUMBER_AT), *body, _return(otherwise)])


def always(call: Numbers, verdict: int) -> Rule:
    """One verdict on a system call."""
    return _on(call, [_return(verdict)])


def if_equal(call: Numbers, argument: int, operand: int) -> Rule:
    """A system call allowed with just this argument."""
    test = [_jump(_IF_EQUAL, operand, 0, 1), _return(ALLOW), _return(DENY)]
    return _on(call, [_load_argument(argument), *test])


def if_no_bit(call: Numbers, argument: int, operand: int) -> Rule:
    """A system call allowed where an argument has none of these bits."""
    test = [_jump(_IF_ANY_BIT, operand, 1, 0), _return(ALLOW), _return(DENY)]
    return _on(call, [_load_argument(argument), *test])


def _on(call: Numbers, verdict: list[bytes]) -> Rule:
    """The instructions for a system call; none if this architecture lacks it."""
    number = call[ARCHITECTURES[platform.machine()].column]
    return [] if number is None else [_jump(_IF_EQUAL, number, 0, len(verdict)), *verdict]


def _load_argument(index: int) -> bytes:
    """Load its low half; both architectures are little-endian."""
    return _load(_ARGUMENTS_AT + 8 * index)


def _load(offset: int) -> bytes:
    return struct.pack("HBBI", _LOAD, 0, 0, offset)


def _jump(test: int, operand: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("HBBI", test, if_true, if_false, operand)


def _return(verdict: int) -> bytes:
    return struct.pack("HBBI", _RETURN, 0, 0, verdict)
