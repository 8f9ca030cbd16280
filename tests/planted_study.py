"""Studies whose answers are known, since their results are made up: tests and bench/study.py."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mdexp.studies.job_record import JobCost, JobRecord, SampledPaths, SetResults, stage_versions
from mdexp.studies.plan import InteractionTest, PairedTest, Side, Study

GRADER = "strict 1"
RIGHT, NUM_WRONG = "18", 3  # the vote key of right paths, and how many wrong ones there are


def digits(right: Sequence[bool]) -> str:
    return "".join(str(int(each)) for each in right)


def sampled(right: np.ndarray, source: np.random.Generator, length: int = 40) -> SampledPaths:
    """Problems x samples: wrong paths vote for one of a few wrong answers."""
    wrong = source.integers(NUM_WRONG, size=right.shape)
    keys = [
        [RIGHT if solved else f"wrong {wrong[n, k]}" for k, solved in enumerate(row)]
        for n, row in enumerate(right)
    ]
    lengths = source.integers(length // 2, 3 * length // 2, size=right.shape)
    return SampledPaths(keys=keys, right=[digits(row) for row in right], tokens=lengths.tolist())


def record(
    arm: str,
    tests: Mapping[str, tuple[Mapping[str, np.ndarray], Mapping[str, SampledPaths]]],
    kinds: Mapping[str, Sequence[str]] | None = None,
    *,
    seed: int = 0,
    settings: Sequence[str] = (),
) -> JobRecord:
    """A job's record from the verdicts of its rows and its sampled paths, by dataset."""
    rows_of = {dataset: rows for dataset, (rows, _) in tests.items()}
    return JobRecord(
        arm=arm,
        seed=seed,
        settings=list(settings),
        commit=None,
        stages=stage_versions(),
        cost=JobCost(target_tokens=1000, steps=10, seconds=60.0),
        metrics={
            dataset: {
                "after": {
                    row: {"accuracy": float(right.mean()), "grader": GRADER}
                    for row, right in rows.items()
                }
                or {"none": {"accuracy": 0.0, "grader": GRADER}}
            }
            for dataset, rows in rows_of.items()
        },
        tests={
            dataset: SetResults(
                problems=[f"p{n}" for n in range(_number(rows, paths))],
                digest=dataset,
                kinds={name: list(values) for name, values in (kinds or {}).items()},
                rows={row: digits(right) for row, right in rows.items()},
                answers={},
                paths=dict(paths),
            )
            for dataset, (rows, paths) in tests.items()
        },
    )


def _number(rows: Mapping[str, np.ndarray], paths: Mapping[str, SampledPaths]) -> int:
    return len(next(iter(rows.values()))) if rows else len(next(iter(paths.values())).right)


def asked(study: Study) -> dict[str, list[Side]]:
    """All that the questions look at, by arm."""
    found: dict[str, list[Side]] = {}
    for question in study.questions.values():
        for system in question.systems():
            found.setdefault(system.arm, []).append(system)
    return found


def null_records(
    study: Study, source: np.random.Generator, arms: Collection[str] | None = None
) -> dict[str, JobRecord]:
    """All jobs of the arms that questions look at, where no claim is true: a problem is as easy
    for one arm, row and path as for another. Kinds differ in how easy they are, and in number."""
    easy = {}
    kinds = {}
    for dataset, number in study.problems.items():
        groups = source.choice(4, size=number, p=[0.5, 0.2, 0.2, 0.1])
        easy[dataset] = np.clip(source.beta(0.4, 0.6, number) + 0.1 * (groups - 1), 0, 1)
        names = [f"kind {group}" for group in groups]
        kinds[dataset] = {"type": names, "steps": names}
    found = {}
    for arm, systems in asked(study).items():
        if arms is not None and arm not in arms:
            continue
        datasets = dict.fromkeys(study.dataset(system) for system in systems)
        for seed in study.arms[arm].seeds:
            tests = {
                dataset: _drawn(
                    [s for s in systems if study.dataset(s) == dataset], easy, dataset, source
                )
                for dataset in datasets
            }
            made = record(arm, tests, seed=seed)
            for dataset, results in made.tests.items():
                results.kinds.update(kinds[dataset])
            found[f"{arm}-{seed}"] = made
    return found


def _drawn(systems: Sequence[Side], easy, dataset: str, source: np.random.Generator):
    chance = easy[dataset]
    rows = {s.row: source.random(len(chance)) < chance for s in systems if s.row}
    thoughts = dict.fromkeys(thought for s in systems for thought in s.thoughts)
    paths = {
        t: sampled(source.random((len(chance), 8)) < chance[:, None], source) for t in thoughts
    }
    return rows, paths


def planted_pair(
    study: Study, test: PairedTest, difference: float, source: np.random.Generator
) -> dict[str, JobRecord]:
    """The jobs of one test's two arms with seed 0. Its second row is truly better by so much;
    problems that one side alone solves are as many as the plan expects."""
    n, share = study.problems[study.dataset(test.first)], test.discordant
    kind = source.choice(
        3, size=n, p=[1 - share, (share + difference) / 2, (share - difference) / 2]
    )
    both = source.random(n) < 0.4
    right = {
        "first": np.where(kind == 0, both, kind == 2),
        "second": np.where(kind == 0, both, kind == 1),
    }
    return _with_rows(study, {test.first: right["first"], test.second: right["second"]}, {}, source)


def planted_interaction(
    study: Study, test: InteractionTest, spread: float, source: np.random.Generator
) -> dict[str, JobRecord]:
    """The jobs of an interaction with seed 0: of two kinds, as many of each, one gains `spread`
    over the values and the other loses it."""
    n = study.problems[study.dataset(test.systems()[0])]
    kinds = [f"kind {k % 2}" for k in range(n)]
    sign = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    level = source.random(n)  # one draw a problem: answers change where its chance crosses it
    middle = np.mean(list(test.arms))
    rows = {
        system: level < 0.5 + sign * spread * (value - middle)
        for value, system in zip(test.arms, test.systems(), strict=True)
    }
    return _with_rows(study, rows, {test.by: kinds}, source)


def _with_rows(
    study: Study,
    rows: Mapping[Side, np.ndarray],
    kinds: Mapping[str, list[str]],
    source: np.random.Generator,
) -> dict[str, JobRecord]:
    """Jobs with seed 0 in which these rows are as given and all else is as in a null study."""
    arms = {system.arm for system in rows}
    made = {
        name: record
        for name, record in null_records(study, source, arms).items()
        if record.seed == 0
    }
    for system, right in rows.items():
        results = made[f"{system.arm}-0"].tests[study.dataset(system)]
        results.rows[system.row] = digits(right)
        results.kinds.update(kinds)
    return made
