"""Compare runs on the same test problems: `python -m mdexp.compare RUN RUN [...]`.

Each row of the first run (a thought's greedy path, the vote) stands against each row of the others,
after training. Runs are joined by problem id and refused if a question or a gold answer differs.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from mdexp.artifacts import read_jsonl
from mdexp.records import Answer, Generation, Problem, Vote
from mdexp.report.tables import p_value, points, row_names
from mdexp.scoring.pairing import Comparison, DifferentProblems, Verdicts, compare, verdicts

NOTE = (
    "below an accuracy: Wilson 95 % interval; below B - A (points): paired bootstrap, 95 %; "
    "only A: problems that A alone solves; p: exact McNemar test, not corrected for many rows"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A run's test problems, and for each dataset and row which of them it got right."""

    name: str
    problems: dict[str, dict[str, tuple[str, Answer]]]  # dataset, id: question and gold answer
    rows: dict[str, dict[str, Verdicts]]  # dataset, name of the row


def load(folder: Path) -> Scored:
    """The verdicts of a run folder after training; ValueError if it has none."""
    missing = [
        f
        for f in ("problems.jsonl", "generations.jsonl", "votes.jsonl", "metrics.json")
        if not (folder / f).is_file()
    ]
    if missing:
        raise ValueError(f"{folder}: no {', '.join(missing)}; a run has them after stage score")
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    table = verdicts(
        read_jsonl(folder / "generations.jsonl", Generation),
        read_jsonl(folder / "votes.jsonl", Vote),
        "after",
    )
    if not table:
        raise ValueError(f"{folder}: nothing was generated after training, so nothing to compare")
    problems: dict[str, dict[str, tuple[str, Answer]]] = {}
    for problem in read_jsonl(folder / "problems.jsonl", Problem):
        if problem.split == "test":
            asked = problems.setdefault(problem.dataset, {})
            asked[problem.id] = (problem.question, problem.answer)
    rows = {
        dataset: {name: table[dataset][key] for key, name in row_names(metrics[dataset]).items()}
        for dataset in table
    }
    return Scored(name=str(folder), problems=problems, rows=rows)


def compare_runs(first: Scored, second: Scored) -> list[Table]:
    """A table per test set that both runs have; DifferentProblems if none, or if they differ."""
    shared = [dataset for dataset in first.rows if dataset in second.rows]
    if not shared:
        raise DifferentProblems(
            f"{first.name} was tested on {', '.join(first.rows)}, "
            f"{second.name} on {', '.join(second.rows)}: no test set in common"
        )
    return [_compare_on(dataset, first, second) for dataset in shared]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mdexp.compare", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run folder")
    folders = parser.parse_args(arguments).runs
    if len(folders) < 2:
        parser.error("name at least two runs")
    console = Console()
    try:
        first, *others = [load(folder) for folder in folders]
        for other in others:
            for table in compare_runs(first, other):
                console.print(table)
            if alone := sorted(first.rows.keys() ^ other.rows.keys()):
                console.print(f"not compared, since one run lacks it: {', '.join(alone)}")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    console.print(NOTE)
    return 0


def _compare_on(dataset: str, first: Scored, second: Scored) -> Table:
    _refuse_changed_problems(dataset, first, second)
    pairs = list(product(first.rows[dataset].items(), second.rows[dataset].items()))
    compared = [(a, b, compare(left, right)) for (a, left), (b, right) in pairs]
    title = f"{dataset}, {compared[0][2].n} test problems\nA: {first.name}\nB: {second.name}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("A", "%", "B", "%", "B - A", "only A/only B", "p"):
        table.add_column(heading, justify="left" if heading in ("A", "B") else "right")
    for a, b, comparison in compared:
        table.add_row(*_cells(a, b, comparison))
    return table


def _refuse_changed_problems(dataset: str, first: Scored, second: Scored) -> None:
    asked = second.problems[dataset]
    for id, problem in first.problems[dataset].items():
        if id in asked and asked[id] != problem:
            raise DifferentProblems(
                f"{dataset}: problem {id} is not the same in {first.name} and {second.name}"
            )


def _cells(a: str, b: str, comparison: Comparison) -> list[str]:
    test = comparison.mcnemar
    left, right = (
        f"{100 * accuracy:.1f}\n[dim]{100 * low:.1f}-{100 * high:.1f}[/]"
        for accuracy, (low, high) in zip(comparison.accuracies, comparison.intervals, strict=True)
    )
    mean, ends = comparison.difference
    change = f"{100 * mean:+.1f}\n[dim]{points(ends)}[/]"
    return [a, left, b, right, change, f"{test.only_first}/{test.only_second}", p_value(test.p)]


if __name__ == "__main__":
    sys.exit(main())
