"""Pools the seeds of a sweep: means and differences, with problems as clusters."""

from collections.abc import Sequence
from pathlib import Path

from mdexp.commands.compare import compare_folders, group_name
from mdexp.commands.scored_run import Scored, by_seed, load_scored_run
from mdexp.grading.pairing import group_accuracy
from mdexp.sweeps.jobs import JobResult, differing
from mdexp.sweeps.seeds import SEED, SeedDifference, SeedMean, SeedTables

MAX_DIFFERENCES = 60  # each needs a bootstrap; for more, use `mdexp compare`


def seed_tables(results: Sequence[JobResult]) -> SeedTables:
    """The tables of the finished jobs; empty unless some differ only in their seed."""
    done = [result for result in results if result.state == "ok" and result.metrics]
    settings = _without_seed(done)
    if len(set(settings)) == len(settings):
        return SeedTables()
    folders = [Path(result.folder) for result in done]
    means: tuple[SeedMean, ...] = ()
    try:
        groups = by_seed([load_scored_run(folder) for folder in folders])
        if all(len(group) == 1 for group in groups):
            return SeedTables()
        names = _names(done, groups)
        named = zip(groups, names, strict=True)
        means = tuple(mean for group, name in named for mean in _means(group, name))
        num_rows = [len(rows) for rows in groups[0][0].rows.values()]
        if sum(n * n for n in num_rows) * max(1, len(groups) - 1) > MAX_DIFFERENCES:
            return SeedTables(means=means, note="differences of many rows: mdexp compare FOLDERS")
        if len(groups) == 1 and max(num_rows) == 1:
            return SeedTables(means=means)  # there is only one row
        return SeedTables(means=means, differences=_differences(folders, groups, names))
    except ValueError as error:  # for example, runs that were tested on different problems
        return SeedTables(means=means, note=str(error))


def _names(done: Sequence[JobResult], groups: Sequence[Sequence[Scored]]) -> list[str]:
    """The page's name of each group: its overrides without the seed."""
    said = dict(zip((str(Path(r.folder)) for r in done), _without_seed(done), strict=True))
    return [said[group[0].name] for group in groups]


def _without_seed(done: Sequence[JobResult]) -> list[str]:
    """Each job's overrides in which it differs from others, without its seed."""
    return [" ".join(word for word in own if not word.startswith(SEED)) for own in differing(done)]


def _means(group: Sequence[Scored], name: str) -> list[SeedMean]:
    found = []
    for dataset, rows in group[0].rows.items():
        for way in rows:
            verdicts = [run.rows[dataset][way] for run in group]
            mean, ends = group_accuracy(verdicts)
            found.append(
                SeedMean(
                    overrides=name,
                    dataset=dataset,
                    way=way,
                    n=len(verdicts[0]),
                    seeds=tuple(run.seed for run in group if run.seed is not None),
                    accuracies=tuple(sum(v.values()) / len(v) for v in verdicts),
                    mean=mean,
                    ci95=(ends[0], ends[1]),
                )
            )
    return found


def _differences(
    folders: Sequence[Path], groups: Sequence[Sequence[Scored]], names: Sequence[str]
) -> tuple[SeedDifference, ...]:
    """Compares the first group with each of the others; for a single group, its own rows."""
    tables = compare_folders(folders)
    called = {group_name(group): name for group, name in zip(groups, names, strict=True)}
    first, corrected = called[group_name(tables.first)], iter(tables.corrected())
    return tuple(
        SeedDifference(
            dataset=pair.dataset,
            a=f"{pair.a} {first}".strip(),
            b=f"{pair.b} {called[group_name(other)]}".strip(),
            difference=pair.comparison.difference.mean,
            ci95=(pair.comparison.difference.ci95[0], pair.comparison.difference.ci95[1]),
            p=pair.comparison.mcnemar.p,
            holm=next(corrected),
        )
        for other, pairs in zip(tables.others, tables.pairs, strict=True)
        for pair in pairs
    )
