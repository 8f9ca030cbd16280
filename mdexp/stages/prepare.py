"""Stage `prepare`: the problems of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mdexp.config.ood_sets import load_ood
from mdexp.config.settings import Settings
from mdexp.datasets.prepare import prepare_problems
from mdexp.ports import Dataset
from mdexp.records import Problem
from mdexp.stages.stage import Files, Stage, same_names
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.store.stage_store import Counts, Store


def prepare(
    out: Path, reads: Files, *, dataset: Dataset, ood: Sequence[Dataset], seed: int
) -> Counts:
    problems, counts = prepare_problems(dataset, ood, seed)
    write_jsonl(out / "problems.jsonl", problems)
    return dict(counts)


def _files(s: Settings) -> Files:
    datasets = (s.dataset, *load_ood(s.dataset))
    return {name: file for dataset in datasets for name, file in dataset.files().items()}


def _settings(s: Settings) -> dict[str, Any]:
    return {"dataset": s.dataset, "ood": load_ood(s.dataset), "seed": s.seed}


PREPARE = Stage(
    name="prepare",
    part="prepare",
    version=3,
    function=prepare,
    writes=same_names("problems.jsonl"),
    files=_files,
    settings=_settings,
)


def prepared(settings: Settings) -> list[Problem]:
    """The problems of a run, from its store; they are prepared if the store lacks them."""
    result = Store(Path(settings.store)).stage(
        PREPARE.function,
        name=PREPARE.name,
        version=PREPARE.version,
        reads=PREPARE.files(settings),
        settings=PREPARE.settings(settings),
    )
    return read_jsonl(result["problems.jsonl"], Problem)
