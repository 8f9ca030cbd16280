"""Loads the student of a finished run as a writer, and its thoughts in the chosen variants."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdexp.config.settings import Settings
from mdexp.decoding.choosing import chosen_variant
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.run_student import trained_weights, validation_choices
from mdexp.decoding.scorer_head import HEAD, read_head
from mdexp.decoding.student_writer import StudentWriter
from mdexp.ports import AdaptsReader, Thought
from mdexp.records import LinearHead
from mdexp.store.run_folder import run_file
from mdexp.students.prompts import Renderer


def run_writer(run: Path, settings: Settings, work: DecodeStats | None = None) -> StudentWriter:
    """The trained student of the run in a folder, on this machine's device and in its type.
    RunFolderError where the store no longer has it."""
    from mdexp.students.numerics import numerics

    trainer, student = settings.trainer, settings.student
    machine = numerics(trainer.precision, trainer.accelerator, student)
    weights = trained_weights(run, settings)
    model, tokenizer = weights.load(dtype=machine.dtype, device=machine.device)
    renderer = Renderer(tokenizer, student.kind, student.prompt)
    return StudentWriter(
        model=model,
        renderer=renderer,
        phase="after",
        seed=settings.seed,
        work=work or DecodeStats(),
        head=_head(run, settings),
    )


def _head(run: Path, settings: Settings) -> LinearHead | None:
    """The head of the run's scorer, unless it belongs to a student with an adapter."""
    scorer = settings.scorer
    adapted = isinstance(scorer, AdaptsReader) and scorer.adapter
    return read_head(run_file(run, HEAD)) if (run / HEAD).is_file() and not adapted else None


def chosen_thoughts(manifest: Mapping[str, Any], settings: Settings) -> dict[str, Thought]:
    """The thoughts by which a run's student answers, each in the variant that validation chose."""
    return {
        name: chosen_variant(thought, validation_choices(manifest, name))
        for name, thought in settings.answering().items()
    }
