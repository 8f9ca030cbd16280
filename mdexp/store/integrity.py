"""Checks that a stage's output is unchanged, by sizes and hashes of its files.

Sizes, and hashes of small files, are compared whenever an output is used. Hashing large weights
takes seconds, so only `mdexp store verify` does that.
"""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mdexp.store.files import TEMPORARY, read_json, sync

MANIFEST = "stage.json"
CHEAP = 2**24  # bytes; smaller files are hashed at every use, in some hundredths of a second
READ_ONLY = 0o444

Sealed = dict[str, dict[str, Any]]  # relative path of a file: its size and sha256


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
    if path.is_dir():
        names = [f"{p.relative_to(path)} {file_hash(p)}" for p in _files(path)]
        return hashlib.sha256("\n".join(names).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(folder: Path) -> Sealed:
    """Sync all files of a folder to the disk and return their sizes and hashes. Unfinished files of
    a killed process are removed."""
    for torn in folder.rglob(f".*{TEMPORARY}"):
        torn.unlink()
    sealed: Sealed = {}
    for file in _files(folder):
        sync(file)
        name = file.relative_to(folder).as_posix()
        sealed[name] = {"size": file.stat().st_size, "sha256": file_hash(file)}
    for inner in sorted(path for path in folder.rglob("*") if path.is_dir()):
        sync(inner)
    return sealed


def make_read_only(folder: Path) -> None:
    """Make the files read-only, not the folders: `rm -r` could not delete files in a read-only
    folder."""
    for file in (*_files(folder), folder / MANIFEST):
        file.chmod(file.stat().st_mode & READ_ONLY)


def read_manifest(folder: Path) -> dict[str, Any]:
    """A stage's manifest of its output; ValueError if it cannot be read."""
    try:
        manifest = read_json(folder / MANIFEST)
    except FileNotFoundError as error:
        raise ValueError(f"no {MANIFEST}") from error
    except ValueError as error:
        raise ValueError(f"{MANIFEST}: {error}") from error
    shape = {"counts": dict, "seconds": int | float, "files": dict}
    given: dict[str, Any] = {"files": {}} | manifest if isinstance(manifest, dict) else {}
    for key, kind in shape.items():
        if not isinstance(given.get(key), kind):
            raise ValueError(f"{MANIFEST}: {key} is {given.get(key)!r}")
    return manifest


def integrity_faults(
    folder: Path, sealed: Mapping[str, Any], *, hash_up_to: float = CHEAP
) -> Iterator[str]:
    """How files differ from what was written; files larger than `hash_up_to` bytes are compared
    only by size."""
    for name, expected in sealed.items():
        if fault := _fault(folder / name, expected, hash_up_to):
            yield f"{name}: {fault}"


def _fault(file: Path, expected: Mapping[str, Any], hash_up_to: float) -> str:
    try:
        size = file.stat().st_size
        if size != expected["size"]:
            return f"{size} bytes, {expected['size']} were written"
        if size <= hash_up_to and file_hash(file) != expected["sha256"]:
            return "not the bytes that were written"
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EIO):
            raise
        return os.strerror(error.errno)
    return ""


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
