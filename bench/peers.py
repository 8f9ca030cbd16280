"""What else a program can be run by, for bench/execute.py. None of these is part of mdexp.

    python -m bench.peers KIND TIMEOUT_S

reads a JSON list of programs, says `ready`, waits for a line, runs them one after the other and
writes {"seconds": of each, "outcomes": of each, "cpu_seconds": of all}. KIND is

- exec: in this very process, the limit for CPython; a timer of CPU time stops it
- forked: a child of this process for each program, CPython's own word on it
- guarded: as HumanEval does it: a `multiprocessing` process each, that takes functions of `os` away
- fresh: a new interpreter each, within bubblewrap
"""

import builtins
import contextlib
import io
import json
import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.cpu_clock import cpu_seconds
from mdexp.sandbox.answer_rule import bound

Outcome = list[Any]  # a type and a value, or "fails" and the name of an exception
BUBBLEWRAP = (
    *("bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"),
    *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
    *("--chdir", str(Path(__file__).resolve().parents[1])),
)


def in_process(program: str, timeout_s: float) -> Outcome:
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, timeout_s)
    try:
        with contextlib.redirect_stdout(printed):
            exec(program, names)  # noqa: S102  the point of this peer
            value = bound(names)
    except BaseException as error:
        return ["fails", type(error).__name__]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if value is None:
        lines = printed.getvalue().rstrip().splitlines()
        value = lines[-1].strip() if lines else None
    return outcome(value)


def forked(program: str, timeout_s: float) -> Outcome:
    receiver, sender = os.pipe()
    if not (child := os.fork()):
        with os.fdopen(sender, "w") as pipe:
            json.dump(in_process(program, timeout_s), pipe)
        os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else ["fails", "died"]


def guarded(program: str, timeout_s: float) -> Outcome:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=_behind_guard, args=(program, timeout_s, sender))
    process.start()
    sender.close()
    try:
        result = receiver.recv() if receiver.poll(timeout_s + 1) else ["fails", "Timeout"]
    except EOFError:
        result = ["fails", "died"]
    process.kill()
    process.join()
    receiver.close()
    return result


def _behind_guard(program: str, timeout_s: float, sender: Connection) -> None:
    for name in (
        "kill",
        "system",
        "fork",
        "remove",
        "rename",
        "unlink",
        "chmod",
        "chdir",
        "putenv",
    ):
        setattr(os, name, None)
    for name in ("rmtree", "move", "chown"):
        setattr(shutil, name, None)
    subprocess.Popen = None  # type: ignore[misc, assignment]
    builtins.exit = builtins.quit = None  # type: ignore[assignment]
    sender.send(in_process(program, timeout_s))


def fresh(program: str, timeout_s: float) -> Outcome:
    command = [*BUBBLEWRAP, sys.executable, "-m", "bench.peers", "once", str(timeout_s)]
    try:
        done = subprocess.run(
            command, input=program, capture_output=True, text=True, timeout=timeout_s + 2
        )
    except subprocess.TimeoutExpired:
        return ["fails", "Timeout"]
    return json.loads(done.stdout) if done.stdout else ["fails", "died"]


def outcome(value: Any) -> Outcome:
    """An answer as mdexp gives it, found without mdexp: numbers of numpy and sympy made plain."""
    if type(value).__module__.startswith("numpy") and hasattr(value, "item"):
        value = value.item()
    if hasattr(value, "is_number") and value.is_number:
        whole = value.is_real and float(value).is_integer()
        value = int(value) if whole else float(value)
    if type(value).__name__ in ("Fraction", "Decimal"):
        value = int(value) if value == int(value) else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return ["fails", "no_answer"]
    plain = isinstance(value, bool | int | float | str)
    return [type(value).__name__, value] if plain else ["fails", "no_answer"]


KINDS: dict[str, Callable[[str, float], Outcome]] = {
    "exec": in_process,
    "forked": forked,
    "guarded": guarded,
    "fresh": fresh,
}


def _stop(number: int, frame: object) -> None:
    raise TimeoutError


def main() -> None:
    kind, timeout_s = sys.argv[1], float(sys.argv[2])
    signal.signal(signal.SIGPROF, _stop)
    if kind == "once":
        json.dump(in_process(sys.stdin.read(), timeout_s), sys.stdout)
        return
    programs = json.loads(sys.stdin.readline())
    if kind != "fresh":
        import numpy  # noqa: F401
        import sympy  # noqa: F401
    run, seconds, outcomes = KINDS[kind], [], []
    print("ready", flush=True)
    sys.stdin.readline()
    before = cpu_seconds()
    for program in programs:
        started = time.perf_counter()
        outcomes.append(run(program, timeout_s))
        seconds.append(time.perf_counter() - started)
    spent = cpu_seconds() - before
    json.dump({"seconds": seconds, "outcomes": outcomes, "cpu_seconds": spent}, sys.stdout)


if __name__ == "__main__":
    main()
