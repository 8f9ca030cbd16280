"""Stage `train`: trains the student on its examples and writes its weights."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mdexp.config.blocks import TrainerSettings
from mdexp.ports import Feed, Objective, StudentConfig
from mdexp.records import Example
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.indexed_lines import IndexedRecords
from mdexp.store.json_lines import write_jsonl
from mdexp.store.stage_store import Counts
from mdexp.students.frozen import frozen_base
from mdexp.students.load import save_folder
from mdexp.students.weights import Weights


def train(
    out: Path,
    reads: Files,
    *,
    student: StudentConfig,
    shares: Mapping[str, float] | None,
    objective: Objective,
    trainer: TrainerSettings,
    seed: int,
    numerics: Mapping[str, Any],
    weights: Weights,
    feeds: Callable[[], Sequence[Feed]] = tuple,
    new_tokens: Mapping[str, str] | None = None,
    roles: Sequence[str] = (),
) -> Counts:
    from mdexp.training.devices import processes
    from mdexp.training.fit import CHECKPOINTS, fit_from  # loads Lightning
    from mdexp.training.ranks import other_ranks

    training: dict[str, Any] = {
        "weights": weights.with_tokens(new_tokens or {}),
        "examples": IndexedRecords(reads["examples.jsonl"], Example),
        "student": student,
        "shares": shares,
        "objective": objective,
        "trainer": trainer,
        "seed": seed,
        "precision": numerics["precision"],
        "base_dtype": numerics.get("base_dtype", "float32"),
        "folder": out,
        "roles": roles,
    }
    with other_ranks(processes(trainer).number, fit_from, **training):
        trained, history, counts = fit_from(**training, feeds=feeds())
    save_folder(trained, out / "student")
    frozen_base(student, training["base_dtype"]).record(out / "student")
    write_jsonl(out / "history.jsonl", history)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)  # last, in case the disk is full
    return counts


TRAIN = Stage(
    name="train",
    part="train",
    version=2,
    function=train,
    reads=("examples.jsonl",),
    writes=same_names("history.jsonl"),
    files=lambda s: s.student.files(),
    settings=lambda s: (
        {
            "student": s.student,
            "shares": s.shares(),
            "objective": s.objective,
            "trainer": s.trainer,
            "seed": s.seed,
        }
        | ({"new_tokens": tokens} if (tokens := s.new_tokens()) else {})
        | ({"roles": roles} if (roles := s.roles()) else {})
    ),
    tools=lambda run: {"weights": run.untrained, "feeds": run.feeds},
    is_numeric=True,
)
