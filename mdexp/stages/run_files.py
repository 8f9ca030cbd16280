"""Manages the files of a run folder, which the run's stages wrote now or (run=FOLDER) earlier."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mdexp.stages.stage import Stage
from mdexp.stages.table import WRITERS, dependents
from mdexp.stages.train import TRAIN
from mdexp.store.files import copy_file
from mdexp.store.integrity import file_hash
from mdexp.store.run_folder import RESCORED, RunFileError, checked_file, run_file
from mdexp.store.stage_store import StageResult, Store, damage

log = logging.getLogger(__name__)

# Made of stages' files.
DERIVED = ("report.md", "report.html", "rounds.json", "history.csv", "metrics.csv")


class RunFiles:
    """`stages` are those that the run was asked for, by part; `earlier` has the stages in the
    manifest of an earlier run in the folder, by name."""

    def __init__(
        self, folder: Path, store: Store, stages: Sequence[str], earlier: Mapping[str, Any]
    ) -> None:
        self.folder, self.store, self._stages = folder, store, stages
        self.earlier = dict(earlier)
        self.done: dict[str, StageResult] = {}
        self.files: dict[str, Path] = {}
        self.hashes: dict[str, dict[str, str]] = {}  # of each stage's files in the run folder

    def keep(self, stage: Stage, result: StageResult) -> None:
        """Copy a stage's files into the folder, and remove files that an earlier run made from
        another output of it."""
        for source, target in stage.writes.items():
            copy_file(result[source], self.folder / target)
            self.files[target] = result[source]
        written = stage.writes.values()
        self.hashes[stage.name] = {name: file_hash(self.files[name]) for name in written}
        self._forget_dependents(stage, result)
        self.done[stage.name] = result

    def entries(self) -> list[dict[str, Any]]:
        """The manifest's entry for each stage."""
        done = {
            name: result.manifest() | {"files": self.hashes[name]}
            for name, result in self.done.items()
        }
        return list((self.earlier | done).values())

    def _forget_dependents(self, stage: Stage, result: StageResult) -> None:
        """Remove the files that an earlier run made from another output of this stage."""
        before = self.earlier.get(stage.name)
        if before is None or self.store.output(before) == result.folder:
            return
        if stage is not TRAIN and before.get("files") == self.hashes[stage.name]:
            return  # equal bytes under another key; weights are compared by key
        stale = [name for name in dependents(stage) if self.earlier.pop(name, None)]
        if stale:
            names = ", ".join(sorted(stale))
            log.warning(
                "%s wrote something else than before: %s left the folder", stage.name, names
            )

    def has(self, name: str) -> bool:
        """Whether a stage of this run wrote the file, now or earlier."""
        return name in self.files or WRITERS[name][0].name in self.earlier

    def file(self, name: str) -> Path:
        """The path of a file that a stage of this run wrote, now or (run=FOLDER) earlier; else
        RunFileError."""
        if name in self.files:
            return self.files[name]
        stage, source = WRITERS[name]
        if stage.name not in self.earlier:
            there = "not of this run" if (self.folder / name).is_file() else "not there"
            raise RunFileError(
                f"{self.folder / name} is {there}, and none of stages="
                f"{list(self._stages)} writes it: add the stage that does ({stage.part}); "
                "run=FOLDER goes on with the run in a folder"
            )
        return self._earlier_file(name, self.earlier[stage.name], source)

    def _earlier_file(self, name: str, entry: Mapping[str, Any], source: str) -> Path:
        """The file in the store; if that no longer has it, in the run folder."""
        stored, recorded = self.store.output(entry), entry.get("files", {}).get(name)
        if stored.is_dir() and not damage(stored):
            return stored / source
        if recorded:
            return checked_file(self.folder, name, entry)
        log.warning("%s: an older version wrote it, so it cannot be checked", self.folder / name)
        return run_file(self.folder, name)


def clear(folder: Path) -> None:
    """Remove the files of a run with other settings from the folder; its outputs stay in the
    store."""
    left = [name for name in (*WRITERS, *DERIVED) if (folder / name).is_file()]
    for name in left:
        (folder / name).unlink()
    if (folder / RESCORED).is_dir():
        shutil.rmtree(folder / RESCORED)
        left.append(RESCORED)
    log.warning("%s: removed files of another run: %s", folder, ", ".join(left) or "none")
