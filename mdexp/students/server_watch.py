"""Runs a command, and ends it with all its processes when standard input closes.

Whoever started this has then ended, be it by SIGKILL: no server outlives its run. A script of the
standard library alone, so that it starts in milliseconds: `python server_watch.py COMMAND ...`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_S = 10.0  # from asking to killing


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a terminal's Ctrl-C reaches all; our parent decides
    server = subprocess.Popen(
        sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_default_signals
    )
    threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    code = server.wait()
    _signal_all(server, signal.SIGKILL)  # what it left
    return code


def _end_with_parent(server: "subprocess.Popen[bytes]") -> None:
    while os.read(
        sys.stdin.fileno(), 1
    ):  # unbuffered: a buffer's lock would outlive the main thread
        pass
    _signal_all(server, signal.SIGTERM)
    try:
        server.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        _signal_all(server, signal.SIGKILL)


def _signal_all(server: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, number)


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
