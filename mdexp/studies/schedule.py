"""Finds the jobs of a study to run: those without a record, and those whose record is outdated."""

from collections.abc import Mapping

from mdexp.records import VALIDATION
from mdexp.studies.job_record import JobRecord, Records
from mdexp.studies.plan import Study, StudyJob, ValueSearch, search_job


def all_jobs(study: Study, records: Records) -> list[StudyJob]:
    """Every job in the order in which they run: the searches before the arms."""
    return [*study.search_jobs(), *study.arm_jobs(chosen_values(study, records))]


def chosen_values(study: Study, records: Records) -> dict[str, str]:
    """The value that each finished search found."""
    chosen = {}
    for name, search in study.searches.items():
        found = {
            v: search_accuracy(search, records.get(search_job(name, v))) for v in search.values
        }
        reached = [accuracy for accuracy in found.values() if accuracy is not None]
        if len(reached) == len(found):
            chosen[name] = next(v for v, a in found.items() if a == max(reached))
    return chosen


def search_accuracy(search: ValueSearch, record: JobRecord | None) -> float | None:
    """The validation accuracy of a search's job; None before it has run."""
    if record is None:
        return None
    measured = [phases for name, phases in record.metrics.items() if name.endswith(VALIDATION)]
    return float(measured[0]["after"][search.row]["accuracy"])


def outdated(study: Study, records: Records, versions: Mapping[str, int]) -> dict[str, str]:
    """The finished jobs that have to run again, with the reason: a stage's version differs from
    `versions`, or the plan has other settings."""
    reasons = {}
    for job in all_jobs(study, records):
        record = records.get(job.name)
        if record is None:
            continue
        raised = [
            f"stage {stage} was version {version}, is {versions.get(stage, 'gone')}"
            for stage, version in record.stages.items()
            if versions.get(stage) != version
        ]
        if job.settings is not None and tuple(record.settings) != job.settings:
            raised.append("the plan has other settings")
        if raised:
            reasons[job.name] = "; ".join(raised)
    return reasons
