"""Finds the files of a run folder and checks them against its manifest (run.json).

If a folder was used for two runs, or a file was edited, it has files that the run in its manifest
did not write. These are refused by name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdexp.store.files import copy_file, read_json, write_json
from mdexp.store.integrity import file_hash

MANIFEST = "run.json"
RESCORED = "rescored"  # subfolder of a run with a folder for each other vote or grader


class RunFolderError(ValueError):
    """A folder that is not a run, or whose student is gone; the message says what to do."""


def round_folder(folder: Path, number: int) -> Path:
    """The folder of an earlier round, counted from 1, in a run of several rounds."""
    return folder / f"round_{number}"


class RunFileError(ValueError):
    """A file that is missing or that the run did not write; the message says what to do."""


def run_manifest(run: Path) -> dict[str, Any]:
    """A run's manifest; RunFolderError if there is none."""
    try:
        return read_json(run / MANIFEST)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{run}: no readable {MANIFEST}; give the folder of a run") from error


def run_file(folder: Path, name: str) -> Path:
    """The file `name` that a stage of the folder's run wrote. RunFileError if it is missing or
    differs; a folder without a manifest, or with one of an older version, cannot be checked."""
    manifest = folder / MANIFEST
    stages = read_json(manifest).get("stages", []) if manifest.is_file() else []
    if not any("files" in stage for stage in stages):
        return _existing(folder / name)
    for stage in stages:
        if name in stage.get("files", {}):
            return checked_file(folder, name, stage)
    raise RunFileError(f"{folder / name}: no stage of the run in {manifest} wrote this file")


def checked_file(folder: Path, name: str, stage: Mapping[str, Any]) -> Path:
    """The file `name` if it is as `stage`, an entry of the manifest, wrote it; else
    RunFileError."""
    file = _existing(folder / name)
    if file_hash(file) != stage["files"][name]:
        raise RunFileError(
            f"{file} is not what stage {stage['name']} of this run wrote: it was edited, or "
            f"another run wrote it. python -m mdexp.run run={folder} with that stage in stages=[] "
            "writes it again"
        )
    return file


def fork_run(source: Path, target: Path, *, without: str) -> None:
    """Copy a run's manifest and its stages' files into another folder, except those of one
    stage."""
    target.mkdir(parents=True, exist_ok=True)
    manifest = read_json(source / MANIFEST)
    stages = [stage for stage in manifest["stages"] if stage["name"] != without]
    for name in (name for stage in stages for name in stage.get("files", {})):
        if (source / name).is_file():  # else it is in the store, or its reader fails
            copy_file(source / name, target / name)
    write_json(target / MANIFEST, manifest | {"stages": stages})


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise RunFileError(f"{file} is not there")
    return file
