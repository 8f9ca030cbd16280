"""Which problems a side of a comparison solved, seed by seed, from the records of its jobs.

A vote takes sampled paths in the order of their sample numbers, which does not depend on their
answers, as a test requires. Curves by paths are means over subsets, as in a run's report; curves by
tokens take the paths that a test would take.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from mdexp.grading.curves import path_outcomes, subsets, won
from mdexp.grading.election import Booth, Chosen
from mdexp.grading.statistics import Interval, bca
from mdexp.studies.job_record import Records, SampledPaths, SetResults
from mdexp.studies.plan import Side, Study, VoteCurve
from mdexp.studies.study_files import StudyError

CURVE_SEED = 0

SampledPath = tuple[str | None, bool, int]  # vote key, verdict, tokens


@dataclass(frozen=True, slots=True)
class VotePoint:
    budget: int  # paths in all, or tokens
    spent: float  # of it, on average over problems and seeds
    accuracy: float
    ci95: Interval


def seeds_planned(study: Study, systems: Sequence[Side]) -> list[int]:
    """The seeds that all sides have."""
    return sorted(set.intersection(*(set(study.arms[system.arm].seeds) for system in systems)))


def seeds_done(study: Study, systems: Sequence[Side], records: Records) -> list[int]:
    """The seeds whose jobs are finished on all sides."""
    planned = seeds_planned(study, systems)
    return [s for s in planned if all(f"{system.arm}-{s}" in records for system in systems)]


def solved(study: Study, system: Side, seeds: Sequence[int], records: Records) -> NDArray[np.bool_]:
    """Correct answers, seeds x problems. StudyError if a record lacks the row or paths."""
    rows = []
    for seed in seeds:
        job = f"{system.arm}-{seed}"
        results = set_results(study, job, study.dataset(system), records)
        if system.row:
            rows.append(_row(job, results, system.row))
        else:
            rows.append(_vote(job, results, system))
    return np.array(rows)


def set_results(study: Study, job: str, dataset: str, records: Records) -> SetResults:
    """A job's results on a test set; StudyError if it is missing or not of the planned size."""
    results = records[job].tests.get(dataset)
    if results is None:
        raise StudyError(f"job {job} was tested on {', '.join(records[job].tests)}, not {dataset}")
    if len(results.problems) != study.problems[dataset]:
        raise StudyError(
            f"job {job}: {len(results.problems)} problems of {dataset}, "
            f"problems.{dataset} of the plan says {study.problems[dataset]}"
        )
    return results


def refuse_other_problems(
    study: Study, systems: Sequence[Side], seeds: Sequence[int], records: Records
) -> None:
    """StudyError unless all jobs answered the same problems and were graded alike."""
    seen: dict[tuple[str, frozenset[str]], str] = {}
    for system in systems:
        for seed in seeds:
            job, dataset = f"{system.arm}-{seed}", study.dataset(system)
            results = set_results(study, job, dataset, records)
            rows = records[job].metrics[dataset]["after"].values()
            seen[results.digest, frozenset(row["grader"] for row in rows)] = job
    if len(seen) > 1:
        raise StudyError(
            f"jobs {' and '.join(seen.values())} differ in a problem, a gold answer or the grader"
        )


def _row(job: str, results: SetResults, row: str) -> list[bool]:
    if row not in results.rows:
        raise StudyError(f"job {job} has rows {', '.join(results.rows)}, none is {row}")
    return [digit == "1" for digit in results.rows[row]]


def _vote(job: str, results: SetResults, system: Side) -> list[bool]:
    verdicts = []
    for number in range(len(results.problems)):
        paths, taken = _voters(job, results, system, number)
        chosen = [
            k < n for thought, n in zip(paths, taken, strict=True) for k in range(len(thought))
        ]
        booth = _booth([path for thought in paths for path in thought])
        verdicts.append(bool(won(booth, np.array([chosen]))[0]))
    return verdicts


def _voters(
    job: str, results: SetResults, system: Side, number: int
) -> tuple[list[list[SampledPath]], list[int]]:
    """A problem's paths of each thought, and how many of them vote."""
    paths = [_samples(job, results, thought, number) for thought in system.thoughts]
    if system.paths is None:
        return paths, affordable([[p[2] for p in thought] for thought in paths], system.tokens)
    each = system.paths // len(paths)
    if any(len(thought) < each for thought in paths):
        raise StudyError(f"job {job} has fewer than {each} paths a thought")
    return paths, [each] * len(paths)


def affordable(lengths: Sequence[Sequence[int]], tokens: int | None) -> list[int]:
    """How many paths of each thought fit into so many tokens, the thoughts taken in turn; at least
    one. `lengths` has the lengths of each thought's samples in order."""
    turns = sorted((k, t) for t, thought in enumerate(lengths) for k in range(len(thought)))
    spent = accumulate(lengths[t][k] for k, t in turns)
    afforded = sum(total <= (tokens or 0) for total in spent)
    taken = [thought for _, thought in turns[: max(1, afforded)]]
    return [taken.count(thought) for thought in range(len(lengths))]


def _samples(job: str, results: SetResults, thought: str, number: int) -> list[SampledPath]:
    """A problem's paths of a thought, in the order of their samples."""
    if thought not in results.paths:
        raise StudyError(
            f"job {job} sampled paths of {', '.join(results.paths) or 'nothing'}, not {thought}"
        )
    paths: SampledPaths = results.paths[thought]
    right = [digit == "1" for digit in paths.right[number]]
    return list(zip(paths.keys[number], right, paths.tokens[number], strict=True))


def _booth(paths: Sequence[SampledPath]) -> Booth:
    same = [[a == b and a is not None for b, _, _ in paths] for a, _, _ in paths]
    return Booth(np.array(same, dtype=np.float32), np.array([right for _, right, _ in paths]))


def vote_curve(
    study: Study, curve: VoteCurve, seeds: Sequence[int], records: Records
) -> list[VotePoint]:
    """The mean accuracy over seeds for each number of paths or budget of tokens, with its BCa
    interval over problems."""
    jobs = [f"{curve.arm}-{seed}" for seed in seeds]
    points = []
    if curve.most is not None:
        for each in range(1, curve.most // len(curve.thoughts) + 1):
            shares = [_shares(study, curve, each, job, records) for job in jobs]
            paths = each * len(curve.thoughts)
            points.append(_point(paths, paths, np.mean(shares, axis=0)))
        return points
    for budget, system in zip(curve.budgets, curve.systems(), strict=True):
        right = solved(study, system, seeds, records).mean(axis=0)
        spent = [_spent(study, system, job, records) for job in jobs]
        points.append(_point(budget, float(np.mean(spent)), right))
    return points


def _point(budget: int, spent: float, by_problem: NDArray[np.float64]) -> VotePoint:
    ends = bca(by_problem, seed=CURVE_SEED)
    return VotePoint(budget, spent, float(by_problem.mean()), ends)


def _spent(study: Study, system: Side, job: str, records: Records) -> float:
    """The tokens of the paths that vote, as a mean over problems."""
    results = set_results(study, job, study.dataset(system), records)
    spent = []
    for number in range(len(results.problems)):
        paths, taken = _voters(job, results, system, number)
        spent.append(sum(p[2] for of, n in zip(paths, taken, strict=True) for p in of[:n]))
    return float(np.mean(spent))


def _shares(
    study: Study, curve: VoteCurve, each: int, job: str, records: Records
) -> NDArray[np.float64]:
    """For each problem, the share of subsets whose vote is right."""
    dataset = study.sets[study.arms[curve.arm].set].dataset
    results = set_results(study, job, dataset, records)
    booths = [
        _booth([p for thought in curve.thoughts for p in _samples(job, results, thought, number)])
        for number in range(len(results.problems))
    ]
    sizes = {thought: len(results.paths[thought].keys[0]) for thought in curve.thoughts}
    drawn: Chosen = subsets(sizes, dict.fromkeys(curve.thoughts, each)).chosen
    return path_outcomes(booths, drawn).shares
