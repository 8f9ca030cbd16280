"""A disk that fails: operations on files below a folder are counted, or refused.

Python's audit events name what opens, renames or removes a file before it happens; fsync, which has
no event, is replaced. A file that a library opens outside of Python is first met when it is synced.
"""

import errno
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NAMED = {"os.rename", "os.mkdir", "os.chmod", "os.remove", "os.rmdir", "os.truncate"}
ALLOWED = {"ENOSPC": {"os.chmod", "os.remove", "os.rmdir", "os.truncate"}}  # they take no space


class Killed(BaseException):
    """Stands for SIGKILL: from here on nothing reaches the disk, whoever tries to clean up."""


class Disk:
    """`fault` begins at operation `at` of a stage's: ENOSPC and EROFS last, EIO strikes once; a
    kill ends all. Without a fault, operations are counted by stage."""

    def __init__(self, folder: Path, fault: str = "", stage: str = "", at: int = 0) -> None:
        self.folder, self.fault, self.stage, self.at = str(folder), fault, stage, at
        self.operations: Counter[str] = Counter()
        self.renames: dict[str, list[int]] = {}  # by stage, which operations put an output in place
        self.failing = False

    def meet(self, event: str, path: str) -> None:
        """Count an operation on a file, or refuse it."""
        if not path.startswith(self.folder):
            return
        stage = path.partition("/stages/")[2].partition("/")[0]
        number = self.operations[stage]
        self.operations[stage] += bool(stage)
        if event == "os.rename" and path.endswith(".partial"):
            self.renames.setdefault(stage, []).append(number)
        if stage == self.stage and number == self.at and self.fault:
            self.failing = True
        if self.failing and (stage or self.fault == "kill"):
            self._fail(event, path)

    def _fail(self, event: str, path: str) -> None:
        if self.fault == "kill":
            raise Killed
        if event in ALLOWED.get(self.fault, ()):
            return
        self.failing = self.fault != "EIO"
        code = getattr(errno, self.fault)
        raise OSError(code, os.strerror(code), path)


_disks: list[Disk] = []  # an audit hook cannot be taken away again


def _audit(event: str, details: tuple[object, ...]) -> None:
    if not _disks or not details or not isinstance(details[0], str | bytes | os.PathLike):
        return
    if event in NAMED or (event == "open" and int(str(details[2] or 0)) & WRITING):
        _disks[-1].meet(event, os.path.abspath(os.fsdecode(details[0])))


sys.addaudithook(_audit)


@contextmanager
def used(disk: Disk) -> Iterator[Disk]:
    fsync = os.fsync

    def failing(number: int) -> None:
        disk.meet("fsync", os.readlink(f"/proc/self/fd/{number}"))
        fsync(number)

    os.fsync = failing
    _disks.append(disk)
    try:
        yield disk
    finally:
        _disks.remove(disk)
        os.fsync = fsync
