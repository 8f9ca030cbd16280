"""Writes the reports of a run folder from the files in it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from mdexp.config.settings import Settings
from mdexp.grading.token_curves import token_curves
from mdexp.records import (
    Example,
    Generation,
    Lesson,
    Output,
    Problem,
    Rejection,
    VerifiedPath,
    Vote,
)
from mdexp.records import Path as TeacherPath
from mdexp.report.build import build_report
from mdexp.report.funnel import FunnelRow, funnel
from mdexp.report.rounds import FILE as ROUNDS
from mdexp.report.rounds import round_rows
from mdexp.report.terminal import terminal
from mdexp.store.files import read_json, write_json
from mdexp.store.json_lines import each_record, read_jsonl

READS = ("problems.jsonl", "generations.jsonl", "votes.jsonl", "metrics.json", "analysis.json")
Record = TypeVar("Record")


def write_report(
    folder: Path,
    file: Callable[[str], Path],
    has: Callable[[str], bool],
    settings: Settings,
    manifest: Mapping[str, Any],
    rounds: Sequence[Path] = (),
) -> None:
    """Write report.md and report.html, and print the result table. They are written every time: it
    is quick, and they show this run's manifest. `file` finds the run's files by name; READS have to
    be there, and of others `has` tells which are. `rounds` are the folders of a run of several
    rounds."""
    problems = read_jsonl(file("problems.jsonl"), Problem)
    generations = read_jsonl(file("generations.jsonl"), Generation)
    votes = read_jsonl(file("votes.jsonl"), Vote)
    metrics = read_json(file("metrics.json"))
    trained = any(stage["name"] == "train" for stage in manifest["stages"])

    def records(name: str, record: type[Record]) -> Iterable[Record]:
        return each_record(file(name), record) if has(name) else ()

    phases = dict.fromkeys(generation.phase for generation in generations)
    outputs = [
        output for phase in phases for output in read_jsonl(file(f"outputs_{phase}.jsonl"), Output)
    ]
    by_round = round_rows(rounds)
    if by_round:
        write_json(folder / ROUNDS, by_round)
    build_report(
        folder,
        problems=problems,
        generations=generations,
        votes=votes,
        metrics=metrics,
        analysis=read_json(file("analysis.json")),
        funnel=_funnel(records, settings, problems) if has("verified.jsonl") else [],
        history=read_jsonl(file("history.jsonl"), dict) if trained else [],
        lessons=records("lessons.jsonl", Lesson),
        outputs=outputs,
        run=manifest,
        programs=[
            name
            for name, thought in settings.thoughts.items()
            if thought.unit == "line" and any(g.thought == name for g in generations)
        ],
        rounds=by_round,
        token_curves=token_curves(
            generations, votes, outputs, list(settings.answering()), settings.vote
        ),
    )
    console = Console()
    console.print(terminal(metrics, generations, votes))
    console.print(f"report: {folder / 'report.html'}", soft_wrap=True)


def _funnel(
    records: Callable[[str, type[Any]], Iterable[Any]],
    settings: Settings,
    problems: Sequence[Problem],
) -> list[FunnelRow]:
    num_asked = sum(p.split == "train" and not p.leaked for p in problems)
    return funnel(
        num_asked * settings.teacher.num_paths,
        {name: list(thought.made_from or {name}) for name, thought in settings.thoughts.items()},
        records("paths.jsonl", TeacherPath),
        records("verified.jsonl", VerifiedPath),
        records("rejected.jsonl", Rejection),
        records("lessons.jsonl", Lesson),
        records("examples.jsonl", Example),
        records("unused.jsonl", Rejection),
    )
