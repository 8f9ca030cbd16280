"""Chooses the SQLite journal that a ledger's file system supports.

The write-ahead log needs memory shared by all processes, which no network file system offers. The
rollback journal needs only working file locks, and some file systems lack even those.
https://sqlite.org/wal.html, https://sqlite.org/howtocorrupt.html
"""

import os
import re
from pathlib import Path
from typing import Literal

Journal = Literal["WAL", "DELETE"]

MOUNTS = Path("/proc/mounts")
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "lustre", "beegfs", "gpfs", "ceph", "glusterfs", "ocfs2"),
    *("fuse.glusterfs", "fuse.ceph", "9p", "virtiofs", "afs", "orangefs", "wekafs"),
}
_WITHOUT_LOCKS = {
    *(
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "fuse.rclone",
        "fuse.davfs",
        "davfs",
        "fuse.mount-s3",
    ),
    *("fuse.goofys", "fuse.blobfuse", "fuse.blobfuse2", "fuse.google-drive-ocamlfuse"),
}


def journal(folder: Path, mounts: Path = MOUNTS) -> Journal:
    """The journal for a database in `folder`; ValueError if none is safe."""
    kind = filesystem(folder, mounts)
    if kind in _WITHOUT_LOCKS:
        raise ValueError(
            f"store: {folder} lies on {kind}, which has no dependable file locks, and a ledger "
            "there would break or buy twice; choose a local disk: store=FOLDER, or MDEXP_STORE"
        )
    return "DELETE" if kind in _NETWORK else "WAL"


def filesystem(folder: Path, mounts: Path = MOUNTS) -> str:
    """The type of the file system that holds `folder`; empty if the system does not tell."""
    if not mounts.is_file():
        return ""
    target, found, longest = str(folder.resolve()), "", -1
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1])
        holds = target == point or target.startswith(point.rstrip(os.sep) + os.sep)
        if holds and len(point) >= longest:  # of several mounts at one place the last is visible
            found, longest = fields[2], len(point)
    return found
