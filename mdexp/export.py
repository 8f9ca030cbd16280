"""Share a run's student: `python -m mdexp.export RUN FOLDER [--dtype bfloat16] [--push NAME]`.

FOLDER gets whole weights (an adapter is merged) that plain transformers loads, the tokenizer, and a
model card with what was measured and where the data came from. Nothing leaves this machine unless
--push names a repository of the Hugging Face hub. In float32 the student writes what it wrote in
the run; bfloat16 halves the folder and may change a token here and there. Exit codes: 0, 2 (the
command line, the run).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mdexp.artifacts import read_json, write_text
from mdexp.model_card import model_card
from mdexp.settings import judge
from mdexp.students.load import save_folder
from mdexp.trained import run_manifest, trained_weights

CARD = "README.md"


def export(run: Path, folder: Path, dtype: str) -> None:
    """Write the student of a run to a new folder; ValueError, naming what is wrong."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: is there already; name a folder that is new or empty")
    manifest = run_manifest(run)
    settings = judge(manifest["settings"])
    weights = trained_weights(run, settings)
    if weights.trained is None:
        raise ValueError(f"{run} has no stage train, so it trained no student")
    measured = run / "metrics.json"
    metrics = read_json(measured) if measured.is_file() else {}
    model, tokenizer = weights.load()
    import torch

    save_folder((model.to(getattr(torch, dtype)), tokenizer), folder)
    write_text(folder / CARD, model_card(settings, manifest, metrics))


def push(folder: Path, name: str) -> str:
    """Upload an exported folder to the hub, into a private repository; its address."""
    from huggingface_hub import HfApi

    hub = HfApi()
    repository = hub.create_repo(name, private=True, exist_ok=True)
    hub.upload_folder(folder_path=folder, repo_id=repository.repo_id)
    return str(repository)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--push", metavar="NAME", help="upload to the hub as NAME, private")
    given = parser.parse_args(argv)
    try:
        export(given.run, given.folder, given.dtype)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(given.folder)
    if given.push:
        print(push(given.folder, given.push))
    return 0


if __name__ == "__main__":
    sys.exit(main())
