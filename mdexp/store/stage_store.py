"""Finds each stage's output by its key, or runs the stage.

A key hashes the stage's name and version, the content of the files it reads and the settings it is
given. Only what is part of the key is passed to the stage, so no other setting can change its
output. Two jobs that need the same stage run it once (a file lock). Output appears atomically: a
stage works in `<key>.partial`, which is renamed when all of it is on the disk; a killed stage
resumes from there. Output is read-only and never replaced: if a stage gets more when it runs again
(an extract with missing answers), it writes `<key>.2` beside it, and a changed output becomes
`<key>.damaged` and is made again.
"""

import dataclasses
import logging
import re
import shutil
import time
from collections.abc import Callable, Mapping
from itertools import count
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock

from mdexp.store.files import sync, write_json
from mdexp.store.integrity import (
    CHEAP,
    MANIFEST,
    integrity_faults,
    make_read_only,
    read_manifest,
    seal,
)
from mdexp.store.keys import stage_key

log = logging.getLogger(__name__)

STILL_MISSING = "still_missing"  # a stage's count of items that may arrive if it runs again
_OUTPUT = re.compile(r"[0-9a-f]+(\.\d+)?")  # a folder's name: key and version
Counts = dict[str, Any]

# A function that reads named files, writes named files into a folder and returns its counts:
# stage(out, reads, **settings, **tools).
Stage = Callable[..., Counts]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """The result of a stage: `folder` holds its files; `skipped` says that they were in the
    store."""

    name: str
    key: str
    folder: Path
    counts: Counts
    seconds: float
    skipped: bool

    def __getitem__(self, file: str) -> Path:
        return self.folder / file

    def manifest(self) -> dict[str, Any]:
        """The stage's entry in run.json. `folder` is the key, with the version if there are
        several."""
        return {
            "name": self.name,
            "key": self.key,
            "folder": self.folder.name,
            "seconds": round(self.seconds, 3),
            "state": "skipped" if self.skipped else "run",
            "counts": self.counts,
        }


class Store:
    """A folder of stage outputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    @property
    def ledger(self) -> Path:
        """The folder of paid answers, which `make clean` does not delete."""
        return self.folder / "ledger"

    def place(self, name: str, key: str) -> Path:
        """The folder of a stage's output, or None."""
        return self.folder / "stages" / name / key

    def output(self, entry: Mapping[str, Any]) -> Path:
        """The folder of the output of a stage in run.json, or None."""
        return self.place(entry["name"], entry.get("folder", entry["key"]))

    def outputs(self) -> list[Path]:
        """The folders of all finished outputs."""
        folders = self.folder.glob(f"stages/*/*/{MANIFEST}")
        return sorted(file.parent for file in folders if _OUTPUT.fullmatch(file.parent.name))

    def has(
        self,
        *,
        name: str,
        version: int,
        reads: Mapping[str, Path],
        settings: Mapping[str, Any],
        key_only: Mapping[str, Any],
    ) -> bool:
        """Whether a stage's output is there and complete; arguments are those of `stage`."""
        key = stage_key(name, version, reads, {**settings, **key_only})
        found = list(_versions(self.place(name, key)).values())
        return bool(found) and not damage(found[-1]) and not _may_grow(found[-1])

    def stage(
        self,
        stage: Stage,
        *,
        name: str,
        version: int,
        reads: Mapping[str, Path],
        settings: Mapping[str, Any],
        key_only: Mapping[str, Any] = MappingProxyType({}),
        tools: Mapping[str, Any] = MappingProxyType({}),
    ) -> StageResult:
        """Run a stage, or find its output for the same key.

        `settings` are hashed and passed to the function. `key_only` is only hashed: it can change
        the output without being passed. `tools` (an executor, the ledger's folder) are only passed,
        and must not change the output.
        """
        key = stage_key(name, version, reads, {**settings, **key_only})
        place = self.place(name, key)
        place.parent.mkdir(parents=True, exist_ok=True)
        with key_lock(place):
            folder = _newest_sound(place)
            skipped = folder is not None and not _may_grow(folder)
            if folder is None or not skipped:
                log.info("%s: started", name)
                partial = place.with_suffix(".partial")
                if damage(partial, hash_up_to=inf):  # else the process was killed before the rename
                    _fill(partial, lambda: stage(partial, reads, **settings, **tools))
                folder = _put(partial, place, older=folder)
        manifest = read_manifest(folder)
        counts, seconds = manifest["counts"], manifest["seconds"]
        how = "found in the store" if skipped else f"done in {seconds:.1f} s"
        log.info("%s: %s (%s)", name, how, key)
        return StageResult(
            name=name, key=key, folder=folder, skipped=skipped, counts=counts, seconds=seconds
        )


def key_lock(place: Path, timeout: float = -1) -> FileLock:
    """The lock for changing the output of a key."""
    return FileLock(f"{place}.lock", timeout=timeout)


def damage(folder: Path, *, hash_up_to: float = CHEAP) -> str:
    """How an output differs from what its stage wrote; empty if it is unchanged."""
    try:
        sealed = read_manifest(folder).get("files", {})
    except ValueError as error:
        return str(error)
    return next(integrity_faults(folder, sealed, hash_up_to=hash_up_to), "")


def put_aside(folder: Path) -> Path:
    """Rename a damaged output, so that its stage runs again; returns the new folder."""
    names = (f"{folder.name}.damaged{f'.{n}' if n > 1 else ''}" for n in count(1))
    aside = next(place for place in map(folder.with_name, names) if not place.exists())
    folder.rename(aside)
    return aside


def _newest_sound(place: Path) -> Path | None:
    """The last undamaged version of a stage's output; damaged ones are set aside."""
    for folder in reversed(_versions(place).values()):
        if fault := damage(folder):
            log.warning(
                "%s %s was changed after it was written (%s): set aside as %s, made again",
                *(place.parent.name, folder.name, fault, put_aside(folder).name),
            )
        else:
            return folder
    return None


def _versions(place: Path) -> dict[int, Path]:
    """The outputs of a key by version number, in order."""
    found = {1: place} if place.is_dir() else {}
    for folder in place.parent.glob(f"{place.name}.*"):
        number = folder.name.removeprefix(f"{place.name}.")
        if number.isdecimal():
            found[int(number)] = folder
    return dict(sorted(found.items()))


def _fill(partial: Path, work: Callable[[], Counts]) -> None:
    """Let a stage write its output, and sync that to the disk with its manifest."""
    partial.mkdir(exist_ok=True)
    started = time.monotonic()
    counts = work()
    seconds = time.monotonic() - started
    manifest = {"counts": counts, "seconds": seconds, "files": seal(partial)}
    write_json(partial / MANIFEST, manifest)
    sync(partial)


def _put(partial: Path, place: Path, older: Path | None) -> Path:
    """The final folder of the output: beside the older one, unless both are equal."""
    if older and _without_time(older) == _without_time(partial):
        shutil.rmtree(partial)
        return older
    number = max(_versions(place), default=0) + 1
    folder = place if number == 1 else place.with_name(f"{place.name}.{number}")
    partial.rename(folder)
    sync(folder.parent)
    make_read_only(folder)
    return folder


def _without_time(folder: Path) -> dict[str, Any]:
    return read_manifest(folder) | {"seconds": 0}


def _may_grow(folder: Path) -> bool:
    """Whether the stage lacks items and may get more when it runs again."""
    return bool(read_manifest(folder)["counts"].get(STILL_MISSING))
