"""What each arm of a study cost and reached, as rows of a table and as charts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import inf
from statistics import fmean
from typing import Any

from mdexp.report.charts import scatter
from mdexp.studies.job_record import JobRecord, Records
from mdexp.studies.plan import Study

LIMIT = "decoding.max_new_tokens="


def arm_rows(study: Study, records: Records) -> list[dict[str, Any]]:
    """Each arm with its cost and accuracy, as means over the seeds that have run."""
    rows = []
    for name, arm in study.arms.items():
        done = [records[f"{name}-{s}"] for s in arm.seeds if f"{name}-{s}" in records]
        dataset = study.sets[arm.set].dataset
        rows.append(
            {
                "name": name,
                "about": arm.about,
                "set": arm.set,
                "dataset": dataset,
                "seeds": [record.seed for record in done],
                "planned": arm.seeds,
                "tokens": _mean([r.cost.target_tokens for r in done]),
                "steps": _mean([r.cost.steps for r in done]),
                "seconds": _mean([r.cost.seconds for r in done]),
                "cut": _shares_cut(done, dataset),
                "accuracies": _accuracies(done, dataset),
            }
        )
    return rows


def _accuracies(done: Sequence[JobRecord], dataset: str) -> dict[str, float]:
    rows = [record.metrics[dataset]["after"] for record in done]
    return {row: fmean(each[row]["accuracy"] for each in rows) for row in (rows[0] if rows else ())}


def _shares_cut(done: Sequence[JobRecord], dataset: str) -> dict[str, float]:
    """By thought, the share of sampled paths, or of greedy answers where none were sampled, that
    are as long as their limit allows; a thought whose lengths no record has is left out."""
    sampled: dict[str, list[bool]] = defaultdict(list)
    greedy: dict[str, list[bool]] = defaultdict(list)
    for record in done:
        limit, results = _limit(record), record.tests[dataset]
        for thought, paths in results.paths.items():
            sampled[thought] += [t >= limit for lengths in paths.tokens for t in lengths]
        for thought, lengths in results.greedy_tokens.items():
            greedy[thought] += [t >= limit for t in lengths]
    return {thought: fmean(cut) for thought, cut in (sampled or greedy).items()}


def _limit(record: JobRecord) -> float:
    given = [s.removeprefix(LIMIT) for s in record.settings if s.startswith(LIMIT)]
    return int(given[-1]) if given else inf


def cost_charts(study: Study, arms: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """For each test set: the accuracy of its arms' votes by their target tokens."""
    charts = {}
    for dataset in study.problems:
        points = {
            arm["name"]: (arm["tokens"] / 1e3, 100 * arm["accuracies"]["vote"])
            for arm in arms
            if arm["seeds"] and arm["dataset"] == dataset and "vote" in arm["accuracies"]
        }
        if len(points) > 1:
            charts[dataset] = scatter(points, x_label="thousand target tokens", y_label="% right")
    return charts


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
