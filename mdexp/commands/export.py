"""Export a run's student: `python -m mdexp.export RUN FOLDER [--dtype bfloat16] [--push NAME]`.

With --data it exports the run's verified paths instead, as a data set for the hub with a card. A
student's folder has tasks for lm-evaluation-harness in lm_eval/ (--include_path). A student with
separate roles (student.roles) gets a folder for each role, with its adapter merged, and no such
tasks. Interrupted training leaves checkpoints; `--checkpoint FILE` exports the student of one.

FOLDER gets complete weights (adapters merged) that plain transformers loads, the tokenizer, and a
model card with results and sources of the data. It appears only when all of it is written. Nothing
leaves this machine unless --push names a private repository of the Hugging Face hub. Weights are
kept in float32. If the run answered in bfloat16 (trainer.precision), some tokens may differ; the
card names both types. Exit codes: 0, 1 (FOLDER is written, but was not uploaded), 2 (the command
line, the run, the disk), 130 and 143 (signals).
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mdexp.commands.data_set import write_data_set
from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.harness_task import write_harness_tasks
from mdexp.commands.model_card import model_card
from mdexp.commands.upload import upload
from mdexp.config.judging import judge
from mdexp.config.settings import Settings
from mdexp.decoding.run_student import trained_weights, untrained_weights
from mdexp.records import Problem
from mdexp.store.files import read_json, write_text
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest
from mdexp.students.load import Loaded, save_folder

CARD = "README.md"
METRICS = "metrics.json"
PROBLEMS = "problems.jsonl"


def export(run: Path, folder: Path, dtype: str, checkpoint: Path | None = None) -> None:
    """Write the student of a run to a new folder; ValueError or OSError."""
    refuse_filled(folder)
    manifest = run_manifest(run)
    settings = judge(manifest["settings"])
    import torch

    from mdexp.students.prompts import Renderer

    roles = settings.roles()
    with whole_or_nothing(folder) as partial:
        for role in roles or (None,):
            (model, tokenizer), step = _student(run, settings, checkpoint, role)
            save_folder((model.to(getattr(torch, dtype)), tokenizer), partial / (role or ""))
        measured = (run / METRICS).is_file() and step is None
        metrics = read_json(run_file(run, METRICS)) if measured else {}
        renderer = Renderer(tokenizer, settings.student.kind, settings.student.prompt)
        card = model_card(settings, manifest, metrics, renderer, dtype, unfinished_step=step)
        write_text(partial / CARD, card)
        if (run / PROBLEMS).is_file() and not roles:  # the harness asks one model
            problems = read_jsonl(run_file(run, PROBLEMS), Problem)
            write_harness_tasks(partial, settings, problems, renderer)


def export_data(run: Path, folder: Path) -> None:
    """Write the verified paths of a run to a new folder, as a data set with a card. ValueError or
    OSError."""
    refuse_filled(folder)
    with whole_or_nothing(folder) as partial:
        write_data_set(run, partial)


def refuse_filled(folder: Path) -> None:
    """ValueError if a folder is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: is there already; name a folder that is new or empty")


def _student(
    run: Path, settings: Settings, checkpoint: Path | None, role: str | None
) -> tuple[Loaded, int | None]:
    """The trained student, or that of a checkpoint with its number of steps. With separate roles it
    has the adapter of `role`."""
    if checkpoint is not None:
        from mdexp.training.checkpoint_student import student_of_checkpoint

        untrained = untrained_weights(run, settings)
        return student_of_checkpoint(untrained, checkpoint, settings.roles(), role)
    weights = trained_weights(run, settings)
    if weights.trained is None:
        raise ValueError(
            f"{run} has no stage train, so it trained no student; a training that stopped leaves "
            "checkpoints in the store, under stages/train: name one with --checkpoint"
        )
    return weights.load(role), None


@contextmanager
def whole_or_nothing(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder that becomes `folder` at the end; an error or a signal leaves
    nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(
        dir=folder.parent, prefix=f"{folder.name}.", suffix=".partial"
    ) as place:
        partial = Path(place) / folder.name
        partial.mkdir()
        yield partial
        partial.rename(folder)


def main(argv: Sequence[str] | None = None) -> int:
    given = _arguments(argv)
    return as_exit_code(lambda: _export(given), refused=(ValueError,))


def _export(given: argparse.Namespace) -> None:
    try:
        if given.data:
            export_data(given.run, given.folder)
        else:
            export(given.run, given.folder, given.dtype, given.checkpoint)
    except OSError as error:
        raise ValueError(f"{given.folder} is not written: {error}") from error
    print(given.folder)
    if given.push:
        print(upload(given.folder, given.push, "dataset" if given.data else "model"))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="of a training that stopped"
    )
    parser.add_argument(
        "--data", action="store_true", help="the verified paths as a data set, not the student"
    )
    parser.add_argument("--push", metavar="NAME", help="upload to the hub as NAME, private")
    return parser.parse_args(argv)
