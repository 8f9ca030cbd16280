"""Write a run's trained student as one folder: `python -m mdexp.export RUN FOLDER`.

Adapters are merged into the weights that they were trained beside, so that plain transformers loads
the folder. In float32 the student writes what it wrote in the run; bfloat16 halves the folder and
may change a token here and there.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mdexp.artifacts import Store, read_json
from mdexp.settings import Settings, SettingsError, judge
from mdexp.students.weights import Weights

MANIFEST = "run.json"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mdexp.export", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="to be written; must not exist")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    options = parser.parse_args(arguments)
    try:
        export(options.run, options.folder, options.dtype)
    except (FileNotFoundError, FileExistsError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.folder}: load it with transformers' from_pretrained")
    return 0


def export(run: Path, folder: Path, dtype: str) -> None:
    """FileNotFoundError where the run has trained no student, or its store is gone."""
    if folder.exists():
        raise FileExistsError(f"{folder} is there already")
    model, tokenizer = trained_weights(run).load()
    import torch

    model.to(getattr(torch, dtype)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def trained_weights(run: Path) -> Weights:
    """Where the weights lie that a run trained."""
    return untrained_weights(run).after_training(_folder_of("train", run) / "student")


def untrained_weights(run: Path) -> Weights:
    """Where the weights lie that a run began with."""
    settings = _settings(run)
    weights = Weights(student=settings.student, seed=settings.seed)
    if not settings.student.is_packed():
        return weights
    return weights.unpacked(_folder_of("convert", run))


def _settings(run: Path) -> Settings:
    if not (run / MANIFEST).is_file():
        raise FileNotFoundError(f"{run} has no {MANIFEST}: it is no run folder")
    return judge(read_json(run / MANIFEST)["settings"])


def _folder_of(stage: str, run: Path) -> Path:
    """Where the store keeps what a stage of the run left."""
    store = Store(Path(_settings(run).store))
    keys = {done["name"]: done["key"] for done in read_json(run / MANIFEST)["stages"]}
    if stage not in keys:
        raise FileNotFoundError(f"{run} has no stage {stage}, so it trained no student")
    if not (folder := store.folder_of(stage, keys[stage])).is_dir():
        raise FileNotFoundError(f"{folder} is gone, where {run} left its stage {stage}")
    return folder


if __name__ == "__main__":
    sys.exit(main())
