"""What an attack may reach for, all of it left open on purpose, and whether it got there."""

import os
import platform
import secrets
import shutil
import signal
import socket
import tempfile
from pathlib import Path

from mdexp.records import ProgramResult

NAMES = ("canary", "drop", "port", "host", "machine")


class World:
    """A file, a folder, a variable, a server and our own process. Close it after use."""

    def __init__(self) -> None:
        # Not below pytest's own folder, which is closed to an unprivileged user.
        self._folder = Path(tempfile.mkdtemp(prefix="world-"))
        self._folder.chmod(0o777)
        self._song, self._feather = secrets.token_hex(8), secrets.token_hex(8)
        os.environ["CANARY"] = self._feather
        self._untouched: object = None
        self._reset_files()
        self._streams = socket.create_server(("127.0.0.1", 0))
        self._streams.setblocking(False)
        self._port = self._streams.getsockname()[1]
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind(("127.0.0.1", self._port))
        self._datagrams.setblocking(False)
        self._num_signals = 0
        self._handler = signal.signal(signal.SIGURG, self._count_signal)

    def close(self) -> None:
        signal.signal(signal.SIGURG, self._handler)
        self._streams.close()
        self._datagrams.close()
        shutil.rmtree(self._folder)
        del os.environ["CANARY"]

    def text(self, program: str) -> str:
        """The program with the names that attacks find bound."""
        values = (
            str(self._folder / "canary"),
            str(self._folder / "drop"),
            self._port,
            os.getpid(),
            platform.machine(),
        )
        needed = any(name in program for name in NAMES)
        return f"{', '.join(NAMES)} = {values!r}\n{program}" if needed else program

    def harm(self, result: ProgramResult) -> list[str]:
        """What a program got at or did since the last call, by its result and by all else."""
        told = f"{result.answer} {result.stdout} {result.error}"
        done = f"{result.answer} {result.stdout}"
        harm = {
            "it read the canary": self._song in told,
            "it saw a variable": self._feather in told,
            "it says that it got there": "reached" in done,
            "it connected": self._has_connected(),
            "it sent a datagram": self._has_been_sent(),
            "it signalled us": self._num_signals > 0,
            "it changed files": self._files() != self._untouched,
        }
        self._num_signals = 0
        self._reset_files()
        return [what for what, happened in harm.items() if happened]

    def _count_signal(self, *_: object) -> None:
        self._num_signals += 1

    def _has_connected(self) -> bool:
        """Whether somebody waits to be let in; the kernel connects without us."""
        try:
            self._streams.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def _has_been_sent(self) -> bool:
        try:
            return bool(self._datagrams.recv(99))
        except BlockingIOError:
            return False

    def _reset_files(self) -> None:
        """Put the folder back to a canary and nothing else, if anything is different."""
        if self._files() == self._untouched:
            return
        for path in self._folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        canary = self._folder / "canary"
        canary.write_text(self._song)
        canary.chmod(0o666)
        self._untouched = self._files()

    def _files(self) -> object:
        """All that can be seen of the folder, the time of the last reading excepted."""
        found = []
        for path in sorted(self._folder.iterdir()):
            status = path.lstat()
            found.append((path.name, status.st_mode, status.st_mtime_ns, status.st_size))
        return self._folder.exists(), self._folder.stat().st_mode, found
