"""A server of a model: started by a command, waited for, and ended with its run."""

import json
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WATCH = Path(__file__).with_name("server_watch.py")
POLL_S = 0.5
SHOWN_LINES = 15  # of a server's log, in an error
PLACES = ("{model}", "{port}")


class ServerFailed(RuntimeError):
    """A server ended or was not ready in time; the text ends with the last lines that it wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """`url` ends in /v1; `model` is the name by which it serves its model."""

    url: str
    model: str


def why_no_command(command: str) -> str | None:
    """What is wrong with a command template; None if nothing is."""
    try:
        shlex.split(command)
    except ValueError as error:
        return f"command={command!r}: {error}"
    if missing := [place for place in PLACES if place not in command]:
        return f"command={command!r} lacks {' and '.join(missing)}"
    return None


def judge_program(key: str, command: str) -> str:
    """Where the program of a command is; ValueError, which names the key, if it is not here."""
    name = shlex.split(command)[0]
    found = shutil.which(name)
    if found is None:
        raise ValueError(f"{key}={command!r}: there is no program {name} here")
    return found


@contextmanager
def running_server(
    command: str, model: Path | str, log: Path, wait_s: float, number: int = 0
) -> Iterator[RunningServer]:
    """A server of a model, by its folder or its name, on a free port of this machine.

    `{model}`, `{port}` and, where it is there, `{number}` of `command` are filled in; what it
    prints goes to the file `log`. It is ready when GET /v1/models answers, within `wait_s` seconds,
    or ServerFailed is raised. It ends with the block, and also when this process is killed.
    """
    port = _free_port()
    filled = {"{model}": str(model), "{port}": str(port), "{number}": str(number)}
    words = shlex.split(command)
    for place, value in filled.items():
        words = [word.replace(place, value) for word in words]
    with log.open("wb") as output:
        watch = subprocess.Popen(
            [sys.executable, str(WATCH), *words],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    assert watch.stdin
    try:
        url = f"http://127.0.0.1:{port}/v1"
        names = _names_once_ready(url, watch, shlex.join(words), log, wait_s)
        yield RunningServer(url=url, model=names[0] if len(names) == 1 else str(model))
    finally:
        watch.stdin.close()
        watch.wait()


def _names_once_ready(
    url: str, watch: "subprocess.Popen[bytes]", command: str, log: Path, wait_s: float
) -> list[str]:
    """The names of the models that the server lists."""
    until = time.monotonic() + wait_s
    while (code := watch.poll()) is None:
        if (names := _names(url)) is not None:
            return names
        if time.monotonic() > until:
            raise ServerFailed(f"{command}: not ready after {wait_s:.0f} s{_tail(log)}")
        time.sleep(POLL_S)
    raise ServerFailed(f"{command}: ended with code {code} before it was ready{_tail(log)}")


def _names(url: str) -> list[str] | None:
    """None where nobody answers yet."""
    try:
        with urllib.request.urlopen(f"{url}/models", timeout=5) as reply:
            return [str(model["id"]) for model in json.loads(reply.read())["data"]]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-SHOWN_LINES:]
    return "".join(f"\n    {line}" for line in lines)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
