"""A process that holds leases. It holds a file lock while it lives.

By testing that lock, another process can take over the calls of a killed one at once.
"""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout


class Holder:
    """A context manager; within it `name` counts as a living process."""

    def __init__(self, folder: Path) -> None:
        self.name = secrets.token_hex(8)
        self._path = _path(folder, self.name)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self._path)

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._path.unlink(missing_ok=True)
        self._lock.release()


def is_alive(folder: Path, name: str) -> bool:
    """Whether a holder lives; the lock file of a dead one is removed."""
    path = _path(folder, name)
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            path.unlink(missing_ok=True)
    except Timeout:
        return True
    return False


def _path(folder: Path, name: str) -> Path:
    return folder / "holders" / f"{name}.lock"
