"""One program in the process forked for it: limits, confinement, run, reply, end.

This module is loaded in the template. It does not rely on the program's good behaviour: the program
may change all of it and report whatever it likes about itself, but only once, and only to the
template, which holds the clock.
"""

import builtins
import os
import random
import resource
import signal
import sys
import types
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedWriter, RawIOBase, StringIO, TextIOWrapper
from typing import Any, NoReturn

from mdexp.sandbox import answer_rule
from mdexp.sandbox.confined import frames, seccomp
from mdexp.sandbox.confined.importing import LoadedOnly, NotOffered
from mdexp.sandbox.confined.plain import plain_number

REPLY = 3  # the only descriptor a running program has
PROGRAM_FILE = "<program>"
MAX_ERROR = 300  # characters
_STACK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ChildLimits:
    """What a child may use. `address_bytes` counts what the template has mapped already."""

    address_bytes: int
    cpu_seconds: int
    output_bytes: int
    max_text: int


class ChildReply:
    """The one answer of a program to its request."""

    def __init__(self, token: str) -> None:
        self._token = token

    def send(self, status: str, fields: dict[str, Any]) -> None:
        try:
            frame = frames.packed({**fields, "token": self._token, "status": status})
        except MemoryError:
            frame = frames.packed({"token": self._token, "status": "memory"})
        frames.send(REPLY, frame)

    def end(self, status: str, fields: dict[str, Any]) -> NoReturn:
        """Send the reply and end the process, without running the program's exit handlers."""
        self.send(status, fields)
        os._exit(0)


class _Output(RawIOBase):
    """Standard output, kept up to a limit that ends the program."""

    def __init__(self, max_bytes: int, reply: ChildReply) -> None:
        self._max_bytes = max_bytes
        self._reply = reply
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._kept += data
        if len(self._kept) > self._max_bytes:
            fields = {"error": "it printed more than the limit", "stdout": self.text}
            self._reply.end("output", fields)
        return len(data)

    @property
    def text(self) -> str:
        return self._kept[: self._max_bytes].decode(errors="ignore")


def serve_child(
    request: int, reply: int, limits: ChildLimits, instructions: bytes, numeric: bool
) -> NoReturn:
    """Confine this process, wait for its program, run it."""
    _confine(request, reply, limits, instructions)
    message = frames.unpacked(frames.receive(0))
    os.close(0)
    answer = ChildReply(message["token"])
    sys.meta_path[:] = [LoadedOnly(numeric, lambda: answer.end("numeric", {}))]
    status, fields = _run(message["program"], answer, limits)
    answer.end(status, fields)


def _confine(request: int, reply: int, limits: ChildLimits, instructions: bytes) -> None:
    """Confine this process to its request and reply. Without `instructions` there is no filter."""
    parent = os.getppid()
    seccomp.end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it had ended before the kernel was told
    os.dup2(request, 0)
    os.dup2(reply, REPLY)
    os.closerange(1, REPLY)
    os.closerange(REPLY + 1, 1024)
    _limit(limits)
    random.seed(0)  # the fork itself has seeded it anew
    if instructions:
        seccomp.install(instructions)


def _limit(limits: ChildLimits) -> None:
    _, hard_stack = resource.getrlimit(resource.RLIMIT_STACK)
    if hard_stack == resource.RLIM_INFINITY or hard_stack > _STACK_BYTES:
        hard_stack = _STACK_BYTES
    for kind, value in (
        (resource.RLIMIT_AS, limits.address_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_STACK, hard_stack),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, REPLY + 1),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _run(program: str, reply: ChildReply, limits: ChildLimits) -> tuple[str, dict[str, Any]]:
    """Status and findings of a program."""
    output = _Output(limits.output_bytes, reply)
    sys.stdout = TextIOWrapper(BufferedWriter(output), encoding="utf-8", newline="\n")
    sys.stderr = StringIO()
    sys.stdin = StringIO()
    status, fields = _outcome(program, limits.max_text)
    with suppress(Exception):  # the program may have closed or replaced it
        sys.stdout.flush()
    return status, {"stdout": output.text, **fields}


def _outcome(program: str, max_text: int) -> tuple[str, dict[str, Any]]:
    try:
        code = compile(program, PROGRAM_FILE, "exec", dont_inherit=True)
    except SyntaxError as error:
        return "syntax_error", {"error": _described(error, error.msg, error.lineno)}
    except BaseException as error:  # deep or huge syntax
        return _failure(error)
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    names = vars(module)
    names["__builtins__"] = vars(builtins)
    try:
        found, value = _executed(code, names, max_text)
    except BaseException as error:  # a program may raise anything
        return _failure(error)
    return "ran", {"found": found, "value": value}


def _executed(code: types.CodeType, names: dict[str, Any], max_text: int) -> list[Any]:
    with suppress(SystemExit):
        exec(code, names)  # noqa: S102  this process is made for it and confined
    try:
        value = answer_rule.bound(names)
    except SystemExit:
        value = None
    found, value = answer_rule.portable(plain_number(value), max_text)
    if isinstance(value, str):
        value = value.encode(errors="backslashreplace").decode()
    return [found, value]


def _failure(error: BaseException) -> tuple[str, dict[str, Any]]:
    status = "runtime_error"
    if isinstance(error, MemoryError):
        status = "memory"
    elif isinstance(error, NotOffered):
        status = "unsupported"
    elif isinstance(error, PermissionError):
        status = "forbidden"
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == PROGRAM_FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        message = str(error)
        if isinstance(error, ImportError):
            message = message.removesuffix(f" ({error.path})")  # of a file of ours
    except BaseException:  # its own __str__ may fail
        message = ""
    return status, {"error": _described(error, message, line)}


def _described(error: BaseException, message: str | None, line: int | None) -> str:
    name = "ImportError" if isinstance(error, NotOffered) else type(error).__name__
    place = "" if line is None else f" (line {line})"
    text = f"{name}: {(message or '')[:MAX_ERROR]}{place}"
    return text.encode(errors="backslashreplace").decode()
