"""The store: each stage's output lies under a key, so that nothing is computed twice.

A key hashes the stage's name and version, the content of the files it reads and the settings it is
given. What is not part of the key is not passed to the stage, so no setting can change an output
unseen. Two jobs that need the same stage do it once (a file lock). Output appears whole or not at
all: a stage works in `<key>.partial`, which is renamed when it is done; a killed stage finds there
what it had.
"""

import dataclasses
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from filelock import FileLock
from pydantic import BaseModel, TypeAdapter

log = logging.getLogger(__name__)

MANIFEST = "stage.json"
KEY_LENGTH = 16
STILL_MISSING = "still_missing"  # a stage's count of what asking again may bring
Counts = dict[str, Any]
Record = TypeVar("Record")


# A function that reads named files, writes named files into a folder and returns its counts:
# stage(out, reads, **settings, **tools).
Stage = Callable[..., Counts]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a stage left: `folder` holds its files; `skipped` says that an earlier run made them."""

    name: str
    key: str
    folder: Path
    counts: Counts
    seconds: float
    skipped: bool

    def __getitem__(self, file: str) -> Path:
        return self.folder / file

    def manifest(self) -> dict[str, Any]:
        fields = {"name": self.name, "key": self.key, "seconds": round(self.seconds, 3)}
        return fields | {"state": "skipped" if self.skipped else "run", "counts": self.counts}


class Store:
    """A folder of stage outputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    @property
    def ledger(self) -> Path:
        """Home of what was paid for; `make clean` leaves it alone."""
        return self.folder / "ledger"

    def place(self, name: str, key: str) -> Path:
        """Where the output of a stage lies, if it is there."""
        return self.folder / "stages" / name / key

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
        """Run a stage, or find what it wrote for the same key.

        `settings` are hashed and passed on. `key_only` is hashed only: the function is not given
        it, and yet it can change what is written. `tools` (an executor, a place for money) are
        passed on only, since they must not change what is written.
        """
        key = stage_key(name, version, reads, {**settings, **key_only})
        folder = self.place(name, key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            skipped = (folder / MANIFEST).is_file() and not _may_grow(folder)
            if not skipped:
                log.info("%s ...", name)
                partial = folder.with_suffix(".partial")
                partial.mkdir(exist_ok=True)
                started = time.monotonic()
                counts = stage(partial, reads, **settings, **tools)
                manifest = {"counts": counts, "seconds": time.monotonic() - started}
                write_json(partial / MANIFEST, manifest)
                shutil.rmtree(folder, ignore_errors=True)
                partial.rename(folder)
        manifest = read_json(folder / MANIFEST)
        log.info("%s %s (%s)", name, "found" if skipped else f"{manifest['seconds']:.1f} s", key)
        return StageResult(name=name, key=key, folder=folder, skipped=skipped, **manifest)


def _may_grow(folder: Path) -> bool:
    """Whether the stage did not get all that it asked for and may get more when it asks again."""
    return bool(read_json(folder / MANIFEST)["counts"].get(STILL_MISSING))


def stage_key(
    name: str, version: int, reads: Mapping[str, Path], settings: Mapping[str, Any]
) -> str:
    """Hash of all that a stage's output depends on."""
    content = {file: file_hash(path) for file, path in sorted(reads.items())}
    what = {"stage": name, "version": version, "reads": content, "settings": _plain(settings)}
    return hashlib.sha256(_canonical_json(what).encode()).hexdigest()[:KEY_LENGTH]


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != MANIFEST)
        names = [f"{p.relative_to(path)} {file_hash(p)}" for p in files]
        return hashlib.sha256("\n".join(names).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_jsonl(path: Path, record: type[Record]) -> list[Record]:
    """Records of a file; ValueError naming file and line where one does not fit."""
    adapter: TypeAdapter[Record] = TypeAdapter(record)
    records = []
    # Not splitlines(): JSON leaves U+2028 and its kin as they are.
    text = path.read_text(encoding="utf-8").removesuffix("\n")
    for number, line in enumerate(text.split("\n") if text else [], start=1):
        try:
            # Through the constructor, not pydantic: it would turn a whole float into an int.
            fields = json.loads(line)
            adapter.validate_python(fields)
            records.append(record(**fields))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}:{number}: not a {record.__name__}: {error}") from error
    return records


def write_jsonl(path: Path, records: Iterable[Any]) -> None:
    """Write records (dataclasses or dicts), one JSON object a line, whole or not at all."""
    # In ASCII, since a model may write half a surrogate pair, which has no UTF-8.
    lines = (json.dumps(_plain(record), allow_nan=False) for record in records)
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(
        path, json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    )


def write_text(path: Path, text: str) -> None:
    """Write a file atomically: temporary file, fsync, rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def link(source: Path, target: Path) -> None:
    """Put a file of the store into a run folder: a hard link, a copy across file systems."""
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        target.write_bytes(source.read_bytes())


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in _written_fields(value)}
        return _plain(fields)
    if isinstance(value, BaseModel):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        return {"_target_": kind} | _plain(value.model_dump())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _written_fields(record: Any) -> list[dataclasses.Field[Any]]:
    return [
        field
        for field in dataclasses.fields(record)
        if not field.metadata.get("omitted") or getattr(record, field.name) != field.default
    ]


def _canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
