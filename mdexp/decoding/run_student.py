"""Finds the student of a run: its weights are in the store, under the key in the manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdexp.config.settings import Settings
from mdexp.store.run_folder import RunFolderError, run_manifest
from mdexp.store.stage_store import Store, damage
from mdexp.students.weights import Weights


def validation_choices(manifest: Mapping[str, Any], thought: str) -> dict[str, Any]:
    """What the run chose for a thought of its trained student on validation problems."""
    for stage in manifest["stages"]:
        if stage["name"] == "after":
            return dict(stage["counts"].get(thought, {}))
    return {}


def untrained_weights(run: Path, settings: Settings) -> Weights:
    """The weights with which a run began, with the tokens that it added. RunFolderError if they are
    missing."""
    weights = Weights(
        student=settings.student, seed=settings.seed, new_tokens=settings.new_tokens()
    )
    converted = _kept("convert", run, settings)
    return weights.unpacked(converted) if converted else weights


def trained_weights(run: Path, settings: Settings) -> Weights:
    """The run's trained student, or the untrained one if the run did not train. RunFolderError if
    it is missing."""
    weights = untrained_weights(run, settings)
    trained = trained_folder(run, settings)
    return weights.after_training(trained) if trained else weights


def trained_folder(run: Path, settings: Settings) -> Path | None:
    """Where the store keeps what the run's training left: all weights, or an adapter. None if the
    run did not train. RunFolderError."""
    trained = _kept("train", run, settings)
    return trained / "student" if trained else None


def _kept(stage: str, run: Path, settings: Settings) -> Path | None:
    """The store's folder of a stage's output; None if the run had no such stage."""
    done = {entry["name"]: entry for entry in run_manifest(run)["stages"]}
    if stage not in done:
        return None
    folder = Store(Path(settings.store)).output(done[stage])
    fault = damage(folder) if folder.is_dir() else "gone"
    if fault:
        raise RunFolderError(
            f"{run}: stage {stage} is no longer in the store as it was written ({folder}: {fault});"
            f" python -m mdexp.run run={run} stages=[train] makes it again"
        )
    return folder
