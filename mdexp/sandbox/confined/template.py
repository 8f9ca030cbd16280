"""The template process, from which confined programs are forked: it has loaded libraries and forks
one child per program.

`template_process.Lane` starts it as a fresh interpreter. It holds each program's clock, ends and
reaps its process, and forwards its message without reading it. If it runs as root, it becomes
nobody first.
"""

import gc
import os
import random
import resource
import select
import signal
import struct
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from time import clock_gettime, monotonic  # before they are stopped for the programs
from typing import Any, NoReturn

from mdexp.sandbox.confined import child, clock, frames, huge_pages, importing, preload, seccomp
from mdexp.sandbox.confined.unprivileged import become_nobody

_REQUESTS, _REPLIES = 0, 1
_FRAME_OVERHEAD = 16 * 1024  # of a reply, beside what was printed
_ESCAPED = 6  # JSON writes one byte as \u0000 at most
# A program that waits uses no CPU time. A process of low priority may have to wait long for others.
_WALL_PER_CPU, _WALL_EXTRA_S, _WALL_EXTRA_SLOW_S = 4, 1.0, 4.0
_LOOK_S = 0.001  # least wait between two looks at the clock


@dataclass(frozen=True)
class Child:
    """A confined process that waits for its program."""

    pid: int
    requests: int
    replies: int

    @property
    def clock(self) -> int:
        """Its CPU clock (linux/posix-timers.h), which it cannot stop."""
        return (~self.pid << 3) | 2


def serve_template(settings: dict[str, Any]) -> NoReturn:
    """Load the libraries, then answer one request after the other until the host is gone."""
    if settings["slow"]:
        os.nice(10)
    numeric = settings["kind"] == "full"
    _load(numeric)
    limits = child.ChildLimits(
        address_bytes=_mapped_bytes() + settings["memory_bytes"],
        cpu_seconds=settings["cpu_seconds"],
        output_bytes=settings["output_bytes"],
        max_text=settings["max_text"],
    )
    instructions = seccomp.program_filter(child.REPLY) if settings["confined"] else b""
    gc.collect()
    gc.freeze()
    gc.disable()
    huge_pages.collapse()
    become_nobody()
    seccomp.forbid_tracing()
    importing.hide()
    max_reply = _ESCAPED * settings["output_bytes"] + _FRAME_OVERHEAD
    frames.send(_REPLIES, frames.packed({"ready": True}))
    wall_extra_s = _WALL_EXTRA_SLOW_S if settings["slow"] else _WALL_EXTRA_S
    template = _Template(limits, instructions, numeric, max_reply, wall_extra_s)
    while True:
        template.prepare()
        try:
            request = frames.receive(_REQUESTS)
        except (EOFError, OSError):
            os._exit(0)  # its children end with it
        template.answer(request)
        del request  # the next child is forked with what is still held here


class _Template:
    """Forks a child ahead of each program, and sees to its end."""

    def __init__(
        self,
        limits: child.ChildLimits,
        instructions: bytes,
        numeric: bool,
        max_reply: int,
        wall_extra_s: float,
    ) -> None:
        self._limits, self._instructions, self._numeric = limits, instructions, numeric
        self._max_reply, self._wall_extra_s = max_reply, wall_extra_s
        self._fresh: Child | None = None

    def prepare(self) -> None:
        """Fork ahead, while the host is busy with the last result."""
        if self._fresh is None:
            self._fresh = _forked(
                lambda request, reply: child.serve_child(
                    request, reply, self._limits, self._instructions, self._numeric
                )
            )

    def answer(self, request: bytes) -> None:
        """Run a program and report to the host how it ended."""
        seconds = frames.unpacked(request)["cpu_seconds"]
        assert self._fresh
        fresh, self._fresh = self._fresh, None
        end, said, used = self._asked(fresh, request, seconds)
        status = 0 if said else _reaped(fresh)
        _report(end, said, used, os.WTERMSIG(status))
        if said:  # first the host, then what can wait
            _reaped(fresh)

    def _asked(self, one: Child, request: bytes, seconds: float) -> tuple[str, bytes, float]:
        """How a program ended, what it said, and the CPU seconds it took."""
        start = clock_gettime(one.clock)
        wall_s = _WALL_PER_CPU * seconds + self._wall_extra_s
        try:
            frames.send(one.requests, request)
            end, said = _watched(one, start + seconds, wall_s, self._max_reply)
        except BrokenPipeError:
            end, said = "ended", b""
        return end, said, clock_gettime(one.clock) - start


def _load(numeric: bool) -> None:
    # Repeatable also where a program asks the system for random bytes.
    source = random.Random(0)
    os.urandom = source.randbytes
    vars(random)["_urandom"] = (
        source.randbytes
    )  # its own name, for `secrets` and numpy's generators
    preload.preload_modules(numeric=numeric)
    random.seed(0)
    if numeric:
        sys.modules["numpy"].random.seed(0)
        sys.modules["sympy"].core.random.seed(0)
    clock.stop()
    warnings.simplefilter("ignore")
    sys.path[:] = []
    sys.path_importer_cache.clear()
    sys.argv[:] = [""]
    os.environ.clear()
    __import__("_sitebuiltins")
    quitter = sys.modules["_sitebuiltins"].Quitter
    for name in ("exit", "quit"):
        setattr(__import__("builtins"), name, quitter(name, "Ctrl-D (i.e. EOF)"))


def _mapped_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _forked(serve_child: Callable[[int, int], NoReturn]) -> Child:
    request_read, request_write = os.pipe()
    reply_read, reply_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            serve_child(request_read, reply_write)
        finally:
            os._exit(1)
    os.close(request_read)
    os.close(reply_write)
    return Child(pid=pid, requests=request_write, replies=reply_read)


def _report(end: str, said: bytes, seconds: float, signal_number: int) -> None:
    report = frames.packed({"end": end, "signal": signal_number, "seconds": seconds})
    frames.send(_REPLIES, report + struct.pack("<I", len(said)) + said)


def _watched(one: Child, deadline: float, wall_s: float, max_reply: int) -> tuple[str, bytes]:
    """How a program ended and what it said: `reply`, `garbled`, `timeout`, `stopped` (by a signal)
    or `ended`."""
    poll = select.poll()
    poll.register(one.replies, select.POLLIN)
    poll.register(_REQUESTS, 0)  # the host's end
    wall = monotonic() + wall_s
    said = bytearray()
    while True:
        left = min(deadline - clock_gettime(one.clock), wall - monotonic())
        if left <= 0:
            return "timeout", b""
        events = poll.poll(1000 * max(left, _LOOK_S))
        if not events and frames.is_stopped(one.pid):
            return "stopped", b""
        for descriptor, _ in events:
            if descriptor == _REQUESTS:
                os._exit(0)
            part = os.read(one.replies, 2**20)
            said += part
            if not part:
                return "ended", b""
            if len(said) > max_reply:
                return "garbled", b""
            if len(said) >= 4 and len(said) >= 4 + struct.unpack_from("<I", said)[0]:
                return "reply", bytes(said)


def _reaped(one: Child) -> int:
    """Kill and reap a child; returns its wait status."""
    os.kill(one.pid, signal.SIGKILL)  # without effect on what has ended
    os.close(one.requests)
    os.close(one.replies)
    return os.waitpid(one.pid, 0)[1]
