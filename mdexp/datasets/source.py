"""Reads the rows of a dataset from a folder, else from the hub at a pinned revision.

A folder holds `<name>/<split>.jsonl`, or `<split>.jsonl` if it is the dataset's own. The hub is
asked only if no folder is given. Whether it answers is found out in seconds: its client would retry
for half a minute.
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from mdexp.ports import SourceError
from mdexp.store.hub import HUB_TIMEOUT_S, HubError, reach
from mdexp.store.json_lines import JsonLinesError, objects_of_file

Row = dict[str, Any]
Sizes = dict[str, dict[str, int]]  # split, then train or test -> number of rows


class Hub(BaseModel):
    """A dataset repository of the Hugging Face hub: `files` maps train and test to a file of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repo: str
    revision: str
    files: dict[str, str]


def local_files(name: str, path: str, splits: tuple[str, ...]) -> dict[str, Path]:
    """The files of a dataset within the folder `path`, by split; SourceError if one is missing."""
    found = {}
    for split in splits:
        places = [Path(path) / name / f"{split}.jsonl", Path(path) / f"{split}.jsonl"]
        present = [place for place in places if place.is_file()]
        if not present:
            looked = " or ".join(str(place) for place in places)
            raise SourceError(f"dataset.path={path}: no {split} rows of {name}; tried {looked}")
        found[f"{name}/{split}.jsonl"] = present[0]
    return found


def local_rows(name: str, path: str, split: str, fields: tuple[str, ...]) -> list[Row]:
    """Rows of one split from the folder `path`; SourceError naming a row that lacks a field."""
    [file] = local_files(name, path, (split,)).values()
    rows = []
    for number, row in numbered_rows(file):
        if missing := [field for field in fields if field not in row]:
            raise SourceError(f"{file}:{number}: {name} rows need {', '.join(missing)}")
        rows.append(row)
    return rows


def hub_rows(name: str, hub: Hub | None, split: str) -> list[Row]:
    """Rows of one split from the hub; SourceError within seconds if the hub does not answer."""
    if hub is None:
        raise SourceError(f"{name} is not on the hub: give its folder with dataset.path=")
    file = hub_file(name, hub, hub.files[split])
    match file.suffix:
        case ".jsonl":
            return [row for _, row in numbered_rows(file)]
        case ".json":
            return json.loads(file.read_text(encoding="utf-8"))
        case ".parquet":
            return parquet_rows(file)
        case other:
            raise SourceError(f"{name}: {other} files are not read; .jsonl, .json, .parquet are")


def numbered_rows(file: Path) -> Iterator[tuple[int, Row]]:
    """Number and JSON object of each line that is not blank; SourceError naming file and line."""
    try:
        yield from objects_of_file(file)
    except JsonLinesError as error:
        raise SourceError(str(error)) from error


def check_sizes(name: str, split: str, sizes: Sizes, found: Mapping[str, int]) -> None:
    """SourceError unless each part of the split has as many rows as its yaml says."""
    for part, expected in sizes.get(split, {}).items():
        if found[part] != expected:
            raise SourceError(
                f"{name}: the {part} part of dataset.split={split} has {found[part]} rows, "
                f"expected {expected}; own files are read by dataset=jsonl"
            )


def hub_file(name: str, hub: Hub, file: str) -> Path:
    """A file of a dataset repository, downloaded unless it is cached; SourceError within seconds if
    the hub does not answer."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    download = partial(hf_hub_download, hub.repo, file, repo_type="dataset", revision=hub.revision)
    try:
        return Path(download(local_files_only=True))
    except LocalEntryNotFoundError:
        pass  # not cached
    try:
        instead = "give a folder that holds it with dataset.path="
        reach(hub.repo, hub.revision, file, "dataset", instead)
        return Path(download(etag_timeout=HUB_TIMEOUT_S))
    except HubError as error:
        raise SourceError(f"{name}: {error}") from error
    except Exception as error:  # the HTTP client depends on the version of the hub's library
        raise SourceError(
            f"{name}: cannot get {file} of {hub.repo}@{hub.revision[:12]} from the hub "
            f"({type(error).__name__}: {error}); run it again to go on with the download, or "
            "give a folder that holds it with dataset.path="
        ) from error


def parquet_rows(file: Path) -> list[Row]:
    """The rows of a parquet file; SourceError if the file is not parquet or pyarrow is not
    installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise SourceError(
            f'{file.name}: parquet files need pyarrow: pip install "mdexp[hub]", '
            "or give a folder of .jsonl files with dataset.path="
        ) from error
    try:
        return pyarrow.parquet.read_table(file).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise SourceError(f"{file}: no parquet file: {error}") from error
