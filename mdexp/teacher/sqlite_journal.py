"""Which of SQLite's journals the file system of a ledger can carry.

The write-ahead log needs memory that all processes share, which no network file system offers; the
rollback journal needs working file locks only, and some have not even those.
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
    """The journal for a database in `folder`; ValueError where none is safe."""
    kind = filesystem(folder, mounts)
    if kind in _WITHOUT_LOCKS:
        raise ValueError(
            f"store: {folder} lies on {kind}, which has no dependable file locks, and a ledger "
            "there would break or buy twice; choose a local disk: store=FOLDER, or MDEXP_STORE"
        )
    return "DELETE" if kind in _NETWORK else "WAL"


def filesystem(folder: Path, mounts: Path = MOUNTS) -> str:
    """The type of the file system that holds `folder`; empty where the system does not say."""
    if not mounts.is_file():
        return ""
    target, found, longest = str(folder.resolve()), "", -1
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1])
        holds = target == point or target.startswith(point.rstrip(os.sep) + os.sep)
        if holds and len(point) >= longest:  # of several at one place the last is on top
            found, longest = fields[2], len(point)
    return found
