"""The host's side of one template process: starts it, gives it programs one at a time, ends it."""

import importlib.util
import json
import secrets
import select
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from mdexp.sandbox.confined import frames
from mdexp.sandbox.reply import Ended

Kind = Literal["slim", "full"]

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_START = """
import json, sys
sys.path += sys.argv[2:]
from mdexp.sandbox.confined.template import serve_template
serve_template(json.loads(sys.argv[1]))
"""
# Not -I, which would ignore the hash seed; its other effects are given as single options.
_OPTIONS = ["-s", "-S", "-P", "-B"]
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "TZ": "UTC",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_START_S = 120.0  # to load sympy and numpy on a busy machine
_GRACE_S = 10.0  # the template ends a program much earlier
_LOOK_S = 0.5  # between two looks whether the template is stopped


class LaneLost(Exception):
    """The template process is gone or does not answer; the program may be run again."""


@dataclass(frozen=True, kw_only=True)
class TemplateSettings:
    """What a template is started with."""

    kind: Kind
    slow: bool  # give way to other processes
    confined: bool
    memory_bytes: int
    cpu_seconds: int  # no program of it gets more
    output_bytes: int
    max_text: int


class Lane:
    """One template process. Not to be shared between threads. LaneLost if it does not start."""

    def __init__(self, settings: TemplateSettings) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *_OPTIONS, "-c", _START, json.dumps(asdict(settings)), *_paths()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the main process
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._requests = self._process.stdin.fileno()
        self._replies = self._process.stdout.fileno()
        try:
            frames.unpacked(self._received(_START_S))
        except (LaneLost, ValueError) as error:
            self._process.kill()
            said = self._process.stderr.read().decode(errors="replace").strip()
            self.close()
            last = said.splitlines()[-1] if said else str(error)
            raise LaneLost(f"the {settings.kind} template does not start: {last}") from error
        self._process.stderr.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, program: str, cpu_seconds: float) -> Ended:
        """Run a program with a time limit. LaneLost if the template fails."""
        token = secrets.token_hex(8)
        request = {"token": token, "program": program, "cpu_seconds": cpu_seconds}
        try:
            frames.send(self._requests, frames.packed(request))
        except OSError as error:
            raise LaneLost("it has ended") from error
        patience = 4 * cpu_seconds + 1 + _GRACE_S
        try:
            report = frames.unpacked(self._received(patience))
        except ValueError as error:
            raise LaneLost(f"it does not speak as it should: {error}") from error
        said = self._received(patience)[frames.HEAD_BYTES :]
        message = _message(said, token) if report["end"] == "reply" else {}
        end = report["end"] if message or report["end"] != "reply" else "garbled"
        return Ended(end=end, signal=report["signal"], seconds=report["seconds"], message=message)

    def close(self) -> None:
        """End the process; its children end with it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def _received(self, seconds: float) -> bytes:
        """The next frame. LaneLost if it does not come; the template never stops inside one."""
        poll = select.poll()
        poll.register(self._replies, select.POLLIN)
        end = time.monotonic() + seconds
        while not poll.poll(1000 * max(0, min(_LOOK_S, end - time.monotonic()))):
            if frames.is_stopped(self.pid):
                raise LaneLost("a signal has stopped it")
            if time.monotonic() >= end:
                raise LaneLost(f"no answer in {seconds:.0f} s")
        try:
            return frames.receive(self._replies)
        except (EOFError, OSError) as error:
            raise LaneLost("it has ended") from error


def _message(said: bytes, token: str) -> dict[str, Any]:
    """The program's message, if it is well-formed and answers this request."""
    try:
        message = frames.unpacked(said)
    except ValueError:
        return {}
    return message if message.get("token") == token else {}


def _paths() -> list[str]:
    """Where a fresh interpreter finds this package and the libraries it loads."""
    found = [importlib.util.find_spec(name) for name in ("numpy", "sympy", "mpmath")]
    parents = {str(Path(spec.origin).parents[1]) for spec in found if spec and spec.origin}
    return [*sorted(parents), str(PACKAGE_PARENT)]
