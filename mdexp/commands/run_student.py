"""The student that a run left: its weights lie in the store, under the key in the manifest."""

from pathlib import Path
from typing import Any

from mdexp.artifacts import Store, read_json
from mdexp.config.previous_run import MANIFEST
from mdexp.config.settings import Settings
from mdexp.students.weights import Weights


class RunFolderError(ValueError):
    """A folder that is no run, or whose student is gone; the message says what to do."""


def run_manifest(run: Path) -> dict[str, Any]:
    """What a run says of itself; RunFolderError."""
    try:
        return read_json(run / MANIFEST)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{run}: no readable {MANIFEST}; give the folder of a run") from error


def untrained_weights(run: Path, settings: Settings) -> Weights:
    """Where the weights lie that a run began with. RunFolderError."""
    weights = Weights(student=settings.student, seed=settings.seed)
    converted = _kept("convert", run, settings)
    return weights.unpacked(converted) if converted else weights


def trained_weights(run: Path, settings: Settings) -> Weights:
    """The run's student after training; before, if the run did not train. RunFolderError."""
    weights = untrained_weights(run, settings)
    trained = _kept("train", run, settings)
    return weights.after_training(trained / "student") if trained else weights


def _kept(stage: str, run: Path, settings: Settings) -> Path | None:
    """Where the store keeps what a stage of the run left; None if the run had no such stage."""
    keys = {done["name"]: done["key"] for done in run_manifest(run)["stages"]}
    if stage not in keys:
        return None
    folder = Store(Path(settings.store)).place(stage, keys[stage])
    if not folder.is_dir():
        raise RunFolderError(
            f"{run}: stage {stage} is no longer in the store ({folder}); "
            f"python -m mdexp.run run={run} stages=[train] makes it again"
        )
    return folder
