"""Compare runs on the same test problems: `python -m mdexp.compare BASELINE [RUN ...]`.

Name the baseline first: B - A is what the other run gained over it. Each row of the baseline after
training (a thought's greedy path, a vote) is compared with each row of the others. Runs that differ
only in their seed are pooled, with problems as clusters. For one run, or the seeds of one, its own
rows are compared, each pair once. Runs are joined by problem id and refused if a question, a gold
answer or the grader differs.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from mdexp.commands.exit_codes import as_exit_code
from mdexp.commands.scored_run import Scored, by_seed, load_scored_run, refuse_incomparable
from mdexp.grading.pairing import Comparison, DifferentProblems, compare_groups
from mdexp.grading.statistics import holm
from mdexp.report.tables import p_value, points_text

NOTE = (
    "below an accuracy: Wilson 95 % interval; below B - A (points): paired bootstrap over problems "
    "(BCa, or Wilson's for 0 of n if no pair differs), 95 %; only A: problems that only A "
    "solves; p: exact McNemar test; Holm: p corrected for all {number} rows above"
)
SEEDS = (
    "several seeds: intervals from the bootstrap over problems and seeds; with fewer than five "
    "seeds they are too narrow if these differ much; only A: problems that A solves more often; p: "
    "exact sign-flip test with problems as clusters"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One row compared with another on one test set."""

    dataset: str
    a: str
    b: str
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareTables:
    """The first group of runs compared with each of the others. The runs of a group differ only in
    their seed."""

    first: Sequence[Scored]
    others: Sequence[Sequence[Scored]]
    pairs: Sequence[Sequence[Pair]]  # for each of the others

    def corrected(self) -> list[float]:
        """Holm-corrected p of all pairs in order; the correction covers every row of the table."""
        return holm([pair.comparison.mcnemar.p for pairs in self.pairs for pair in pairs])


def compare_runs(first: Sequence[Scored], second: Sequence[Scored]) -> list[Pair]:
    """All pairs of rows on the test sets that both have; DifferentProblems if none, or if they
    differ. Each side is a group of runs that differ only in their seed."""
    for run in (*first[1:], *second):
        refuse_incomparable(first[0], run)
    shared = [dataset for dataset in first[0].rows if dataset in second[0].rows]
    if not shared:
        raise DifferentProblems(
            f"{first[0].name} was tested on {', '.join(first[0].rows)}, "
            f"{second[0].name} on {', '.join(second[0].rows)}: no test set in common"
        )
    return [
        Pair(
            dataset=dataset,
            a=a,
            b=b,
            comparison=compare_groups(
                [run.rows[dataset][a] for run in first],
                [run.rows[dataset][b] for run in second],
                same_students=False,
            ),
        )
        for dataset in shared
        for a, b in product(first[0].rows[dataset], second[0].rows[dataset])
    ]


def compare_rows(group: Sequence[Scored]) -> list[Pair]:
    """All pairs of rows of one run, or of runs that differ only in their seed; ValueError if no
    test set has two rows."""
    for run in group[1:]:
        refuse_incomparable(group[0], run)
    pairs = [
        Pair(
            dataset=dataset,
            a=a,
            b=b,
            comparison=compare_groups(
                [run.rows[dataset][a] for run in group],
                [run.rows[dataset][b] for run in group],
                same_students=True,
            ),
        )
        for dataset, rows in group[0].rows.items()
        for a, b in combinations(rows, 2)
    ]
    if not pairs:
        raise ValueError(
            f"{group_name(group)} has one row alone, so name another run to compare it with"
        )
    return pairs


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mdexp.compare", description=__doc__)
    told = "a run folder, the baseline first"
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help=told)
    folders = parser.parse_args(arguments).runs
    return as_exit_code(lambda: _show(compare_folders(folders)), refused=(ValueError,))


def compare_folders(folders: Sequence[Path]) -> CompareTables:
    """Compare run folders as the command does; ValueError if they cannot be compared."""
    _refuse_twice(folders)
    groups = by_seed([load_scored_run(folder) for folder in folders])
    if len(groups) == 1:
        groups *= 2  # the run, or its seeds, compared with itself
    first, *others = groups
    pairs = [
        compare_rows(first) if other is first else compare_runs(first, other) for other in others
    ]
    return CompareTables(first=first, others=others, pairs=pairs)


def _refuse_twice(folders: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for folder in folders:
        if folder.resolve() in seen:
            raise ValueError(
                f"{folder} is named twice; for the rows of one run among themselves name it alone: "
                f"python -m mdexp.compare {folder}"
            )
        seen.add(folder.resolve())


def _show(found: CompareTables) -> None:
    console, first, corrected = Console(), found.first, iter(found.corrected())
    for other, pairs in zip(found.others, found.pairs, strict=True):
        for dataset in dict.fromkeys(pair.dataset for pair in pairs):
            ours = [pair for pair in pairs if pair.dataset == dataset]
            console.print(_table(first, other, ours, [next(corrected) for _ in ours]))
            console.print()
        if alone := sorted(first[0].rows.keys() ^ other[0].rows.keys()):
            console.print(f"not compared, since one run lacks it: {', '.join(alone)}")
    console.print(NOTE.format(number=sum(map(len, found.pairs))))
    if any(len(group) > 1 for group in (first, *found.others)):
        console.print(SEEDS)
    console.print(f"grader: {first[0].grader}")
    runs = (run for group in (first, *found.others) for run in group)
    for note in dict.fromkeys(f"{run.name} {run.unverified}" for run in runs if run.unverified):
        console.print(note, soft_wrap=True)


def _table(
    first: Sequence[Scored], second: Sequence[Scored], pairs: Sequence[Pair], corrected: list[float]
) -> Table:
    number = pairs[0].comparison.n
    title = f"{pairs[0].dataset}, {number} test problems\n{_heading(first, second)}"
    table = Table(
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for heading in ("A", "%", "B", "%"):  # on 80 columns the other columns wrap at spaces
        table.add_column(heading, justify="right" if heading == "%" else "left", no_wrap=True)
    for heading in ("B - A", "only A/only B", "p", "Holm"):
        table.add_column(heading, justify="right")
    for pair, p in zip(pairs, corrected, strict=True):
        table.add_row(*_cells(pair), p_value(p))
    return table


def _heading(first: Sequence[Scored], second: Sequence[Scored]) -> str:
    if first is second:
        return f"A and B: {group_name(first)}"
    return f"A: {group_name(first)}\nB: {group_name(second)}"


def group_name(group: Sequence[Scored]) -> str:
    """The name in tables of a run, or of runs that differ only in their seed."""
    if len(group) == 1:
        return group[0].name
    return f"{len(group)} seeds: {', '.join(run.name for run in group)}"


def _cells(pair: Pair) -> list[str]:
    comparison = pair.comparison
    test = comparison.mcnemar
    left, right = (
        f"{100 * accuracy:.1f}\n[dim]{100 * low:.1f}-{100 * high:.1f}[/]"
        for accuracy, (low, high) in zip(comparison.accuracies, comparison.intervals, strict=True)
    )
    mean, ends = comparison.difference
    change = f"{100 * mean:+.1f}\n[dim]{points_text(ends)}[/]"
    only = f"{test.only_first}/{test.only_second}"
    a, b = (name.replace(" of ", "\nof ") for name in (pair.a, pair.b))
    return [a, left, b, right, change, only, p_value(test.p)]
