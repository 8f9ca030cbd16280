"""Loads scored runs for `compare`, and groups those that differ only in their seed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mdexp.grading.pairing import DifferentProblems, Verdicts, paired_verdicts
from mdexp.records import Answer, Generation, Problem, Vote
from mdexp.records.row_names import row_names, unverified
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file

NEEDED = ("problems.jsonl", "generations.jsonl", "votes.jsonl", "metrics.json")
NO_INFLUENCE = ("seed", "run", "stages", "store", "logger")  # may differ within a group


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A run's test problems and, for each dataset and row, which of them it solved."""

    name: str
    problems: dict[str, dict[str, tuple[str, Answer]]]  # dataset, id: question and gold answer
    rows: dict[str, dict[str, Verdicts]]  # dataset, name of the row
    grader: str  # name and version
    settings: dict[str, Any] = field(default_factory=dict)  # but for NO_INFLUENCE
    seed: int | None = None  # None: run.json does not say
    unverified: str = ""  # why its rows are marked, if they are


def load_scored_run(folder: Path) -> Scored:
    """The verdicts of a run folder after training; ValueError if it has none."""
    if missing := [name for name in NEEDED if not (folder / name).is_file()]:
        raise ValueError(f"{folder}: no {', '.join(missing)}; a run has them after stage score")
    metrics = _json(run_file(folder, "metrics.json"))
    grader = _grader(folder, metrics)
    table = paired_verdicts(
        read_jsonl(run_file(folder, "generations.jsonl"), Generation),
        read_jsonl(run_file(folder, "votes.jsonl"), Vote),
        "after",
    )
    if not table:
        raise ValueError(f"{folder}: nothing was generated after training, so nothing to compare")
    manifest = _json(folder / "run.json") if (folder / "run.json").is_file() else {}
    settings = manifest.get("settings", {})
    return Scored(
        name=str(folder),
        problems=_asked(read_jsonl(run_file(folder, "problems.jsonl"), Problem)),
        rows={
            dataset: {
                name: table[dataset][key] for key, name in row_names(metrics[dataset]).items()
            }
            for dataset in table
        },
        grader=grader,
        settings={key: value for key, value in settings.items() if key not in NO_INFLUENCE},
        seed=settings.get("seed"),
        unverified=unverified(metrics),
    )


def by_seed(runs: Sequence[Scored]) -> list[list[Scored]]:
    """Groups of runs that differ only in their seed, in the order of their first runs."""
    groups: list[list[Scored]] = []
    for run in runs:
        home = next((group for group in groups if _differ_in_seed(run, group)), None)
        if home:
            home.append(run)
        else:
            groups.append([run])
    return groups


def refuse_incomparable(first: Scored, second: Scored) -> None:
    """DifferentProblems if a grader, a question or a gold answer differs."""
    if first.grader != second.grader:
        raise DifferentProblems(
            f"{first.name} was graded by {first.grader}, {second.name} by {second.grader}; "
            "rescore one of them: run=FOLDER stages=[score,report] grader=NAME"
        )
    for dataset, asked in first.problems.items():
        others = second.problems.get(dataset, {})
        for id, problem in asked.items():
            if id in others and others[id] != problem:
                raise DifferentProblems(
                    f"{dataset}: problem {id} is not the same in {first.name} and {second.name}"
                )


def _differ_in_seed(run: Scored, group: Sequence[Scored]) -> bool:
    seeds = {other.seed for other in group}
    return (
        None not in seeds | {run.seed}
        and run.seed not in seeds
        and (run.settings == group[0].settings and run.rows.keys() == group[0].rows.keys())
    )


def _asked(problems: Sequence[Problem]) -> dict[str, dict[str, tuple[str, Answer]]]:
    asked: dict[str, dict[str, tuple[str, Answer]]] = {}
    for problem in problems:
        if problem.split == "test":
            asked.setdefault(problem.dataset, {})[problem.id] = (problem.question, problem.answer)
    return asked


def _grader(folder: Path, metrics: Any) -> str:
    rows = [row for data in metrics.values() for phase in data.values() for row in phase.values()]
    graders = {row.get("grader") for row in rows}
    if len(graders) != 1 or None in graders:
        raise ValueError(
            f"{folder}: metrics.json does not say by which grader; score it again: "
            f"run={folder} stages=[score,report]"
        )
    return str(graders.pop())


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
