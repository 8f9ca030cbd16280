"""The student that a run left: its weights lie in the store, under the key in the manifest."""

from pathlib import Path
from typing import Any

from mdexp.artifacts import Store, read_json
from mdexp.earlier import MANIFEST
from mdexp.settings import Settings
from mdexp.students.weights import Weights


class RunFolderError(ValueError):
    """A folder that is no run, or whose student is gone; the message says what to do."""


def run_manifest(run: Path) -> dict[str, Any]:
    """What a run says of itself; RunFolderError."""
    try:
        return read_json(run / MANIFEST)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{run}: no readable {MANIFEST}; give the folder of a run") from error


def trained_weights(run: Path, settings: Settings) -> Weights:
    """The run's student after training; before, if the run did not train. RunFolderError."""
    keys = {stage["name"]: stage["key"] for stage in run_manifest(run)["stages"]}
    store = Store(Path(settings.store))
    weights = Weights(student=settings.student, seed=settings.seed)
    if "convert" in keys:
        weights = weights.unpacked(_kept(store, "convert", keys["convert"], run))
    if "train" not in keys:
        return weights
    return weights.after_training(_kept(store, "train", keys["train"], run) / "student")


def _kept(store: Store, stage: str, key: str, run: Path) -> Path:
    folder = store.place(stage, key)
    if not folder.is_dir():
        raise RunFolderError(
            f"{run}: stage {stage} is no longer in the store ({folder}); "
            f"python -m mdexp.run run={run} stages=[train] makes it again"
        )
    return folder
