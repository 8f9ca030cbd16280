"""What each arm of a study cost and reached, as rows of a table and as charts."""

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
                "cut": _share_cut(done, dataset),
                "accuracies": _accuracies(done, dataset),
            }
        )
    return rows


def _accuracies(done: Sequence[JobRecord], dataset: str) -> dict[str, float]:
    rows = [record.metrics[dataset]["after"] for record in done]
    return {row: fmean(each[row]["accuracy"] for each in rows) for row in (rows[0] if rows else ())}


def _share_cut(done: Sequence[JobRecord], dataset: str) -> float | None:
    """The share of sampled paths, or of greedy answers where none were sampled, that are as long as
    their limit allows; None if no length is recorded."""
    sampled = [
        tokens >= _limit(record)
        for record in done
        for paths in record.tests[dataset].paths.values()
        for of_problem in paths.tokens
        for tokens in of_problem
    ]
    greedy = [
        tokens >= _limit(record)
        for record in done
        for lengths in record.tests[dataset].greedy_tokens.values()
        for tokens in lengths
    ]
    return fmean(sampled or greedy) if sampled or greedy else None


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
