"""Renders docs/study.md and a self-contained page from the plan and the records alone."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, get_args

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from mdexp.report.build import cell
from mdexp.report.charts import line_chart
from mdexp.report.headline import Versus, forest
from mdexp.report.series import series_classes
from mdexp.report.tables import interval_text, p_value, percent, points_text
from mdexp.store.files import write_text
from mdexp.studies.arm_costs import arm_rows, cost_charts
from mdexp.studies.checks import CheckList, check_p, check_rows, difference_text
from mdexp.studies.evidence import (
    Estimate,
    Evidence,
    InteractionEvidence,
    JudgedTest,
    PairedEvidence,
    Verdict,
    describe_test,
    judged_tests,
    question_verdict,
    smallest_visible,
)
from mdexp.studies.job_record import Records
from mdexp.studies.plan import InteractionTest, PairedTest, Question, Study, StudyJob, search_job
from mdexp.studies.predictions import (
    SuitRecord,
    SuitRecords,
    beside_accuracy,
    rank_correlations,
    unread,
)
from mdexp.studies.schedule import all_jobs, chosen_values, search_accuracy
from mdexp.studies.verdicts import seeds_planned, vote_curve

MARKDOWN, PAGE = "study.md", "study.html"
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
COLUMNS = 41  # width of a chart in Markdown, in characters
WIDTH = 100  # of lines of prose
_PARAGRAPH = re.compile(r"^(?![|#]).+(?:\n(?![|#]).+)*", re.MULTILINE)


def write_pages(
    study: Study,
    records: Records,
    suits: SuitRecords,
    checks: CheckList,
    markdown: Path,
    page: Path,
) -> None:
    """Write both; StudyError if a record does not fit the plan."""
    shown = page_context(study, records, suits, checks)
    text, page_text = (
        _environment().get_template(f"{name}.j2").render(shown) for name in (MARKDOWN, PAGE)
    )
    for file, content in ((markdown, wrapped(text)), (page, page_text)):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, content)


def wrapped(markdown: str) -> str:
    """Markdown whose paragraphs are wrapped at WIDTH; tables, headings and code are unchanged."""
    parts = re.split(r"^(```.*?^```)$", markdown, flags=re.DOTALL | re.MULTILINE)
    parts[::2] = [_PARAGRAPH.sub(_filled, part) for part in parts[::2]]
    return "".join(parts)


def _filled(paragraph: re.Match[str]) -> str:
    return fill(paragraph[0], WIDTH, break_long_words=False, break_on_hyphens=False)


def page_context(
    study: Study, records: Records, suits: SuitRecords, checks: CheckList
) -> dict[str, Any]:
    """The variables of the templates."""
    judged = judged_tests(study, records)
    checked = check_rows(checks.checks)
    jobs = all_jobs(study, records)
    arms = arm_rows(study, records)
    return {
        "study": study,
        "num_tests": len(judged),
        "questions": {
            name: _question(
                study,
                question,
                [test for test in judged if test.question == name],
                records,
                suits.get(name),
            )
            for name, question in study.questions.items()
        },
        "checks": checked,
        "check_counts": Counter(row.outcome for row in checked),
        "checks_not_run": checks.not_run,
        "searches": {
            name: [
                (value, search_accuracy(search, records.get(search_job(name, value))))
                for value in search.values
            ]
            for name, search in study.searches.items()
        },
        "chosen": chosen_values(study, records),
        "arms": arms,
        "cost_charts": cost_charts(study, arms),
        "missing": [job.name for job in jobs if job.name not in records],
        "unread": list(unread(study, suits)),
        "num_jobs": len(jobs),
        "versions": _mixed_versions(records),
        "other_settings": _other_settings(jobs, records),
        "commits": sorted({record.commit or "not recorded" for record in records.values()}),
    }


def _question(
    study: Study,
    question: Question,
    judged: Sequence[JudgedTest],
    records: Records,
    suit: SuitRecord | None,
) -> dict[str, Any]:
    estimates = [e for test in judged if test.evidence for e in test.evidence.estimates]
    curves = _curves(study, question, records)
    prediction = _prediction(study, question, suit, records)
    is_whole = sum(len(group["lines"]) for group in curves) == len(question.curves) and (
        question.prediction is None or (prediction is not None and prediction["is_whole"])
    )
    counts = Counter(test.verdict for test in judged)
    verdict = question_verdict(judged) if is_whole else "not run"
    return {
        "plan": question,
        "verdict": "partly run" if verdict == "not run" and len(counts) > 1 else verdict,
        "counts": {verdict: counts[verdict] for verdict in VERDICTS if verdict in counts},
        "prediction": prediction,
        "tests": [_test(study, test) for test in judged],
        "forest": forest([Versus(name=e.name, mean=e.mean, ci95=e.ci95, p=1.0) for e in estimates])
        if estimates
        else "",
        "names": [estimate.name for estimate in estimates],
        "text_forest": text_forest(estimates),
        "curves": curves,
    }


def _prediction(
    study: Study, question: Question, suit: SuitRecord | None, records: Records
) -> dict[str, Any] | None:
    if question.prediction is None or suit is None:
        return None
    rows = beside_accuracy(study, question.prediction, suit, records)
    known = sum(row.accuracy is not None for row in rows)
    return {
        "rows": rows,
        "ranks": rank_correlations(rows),
        "known": known,
        "is_whole": known == len(rows),
        "problems": suit.num_problems,
    }


def _test(study: Study, judged: JudgedTest) -> dict[str, Any]:
    """A row of the table of a question's tests."""
    test, evidence = judged.test, judged.evidence
    paired = isinstance(test, PairedTest)
    systems = test.systems()
    return {
        "name": describe_test(test),
        "method": "sign-flip test over problems" if paired else "permutation test of kinds",
        "dataset": study.dataset(systems[0]),
        "n": study.problems[study.dataset(systems[0])],
        "discordant": test.discordant,
        "discordant_found": evidence.discordant if isinstance(evidence, PairedEvidence) else None,
        "smallest": smallest_visible(study, test),
        "smallest_of": "" if paired else "standard deviation over kinds",
        "seeds": list(evidence.seeds) if evidence else [],
        "seeds_missing": [
            s for s in seeds_planned(study, systems) if not evidence or s not in evidence.seeds
        ],
        "accuracies": evidence.accuracies() if isinstance(evidence, PairedEvidence) else [],
        "kind_table": _kind_table(test, evidence),
        "estimates": evidence.estimates if evidence else [],
        "p": evidence.p if evidence else None,
        "holm": judged.holm,
        "verdict": judged.verdict,
    }


def _kind_table(
    test: PairedTest | InteractionTest, evidence: Evidence | None
) -> dict[str, Any] | None:
    """The accuracy of each kind of problem at each swept value; None for a paired test."""
    if isinstance(test, PairedTest) or not isinstance(evidence, InteractionEvidence):
        return None
    return {
        "title": f"{test.row} by {test.by}",
        "swept": [f"{test.swept} = {value:g}" for value in evidence.values],
        "accuracies": evidence.accuracies(),
    }


def _curves(study: Study, question: Question, records: Records) -> list[dict[str, Any]]:
    """The curves of a question whose jobs have run: those by paths, then those by tokens."""
    found = []
    for unit, x_label in (("paths", "paths in all"), ("tokens", "tokens spent on a problem")):
        lines = {
            curve.name: vote_curve(study, curve, seeds, records)
            for curve in question.curves
            if (curve.most is None) == (unit == "tokens")
            and (seeds := [s for s in study.arms[curve.arm].seeds if f"{curve.arm}-{s}" in records])
        }
        if lines:
            drawn = {n: [(p.spent, 100 * p.accuracy) for p in line] for n, line in lines.items()}
            chart = line_chart(drawn, series_classes(drawn), x_label=x_label, y_label="% right")
            found.append({"unit": unit, "lines": lines, "chart": chart})
    return found


def text_forest(estimates: Sequence[Estimate]) -> str:
    """A chart in characters: the differences with their intervals on one scale; `|` marks zero."""
    if not estimates:
        return ""
    ends = [end for e in estimates for end in (*e.ci95, 0.0)]
    low, span = min(ends), (max(ends) - min(ends)) or 1.0

    def at(value: float) -> int:
        return round((value - low) / span * (COLUMNS - 1))

    width = max(len(estimate.name) for estimate in estimates)
    lines = []
    for e in estimates:
        line = [" "] * COLUMNS
        line[at(e.ci95.low) : at(e.ci95.high) + 1] = "─" * (at(e.ci95.high) - at(e.ci95.low) + 1)
        line[at(0.0)] = "|"
        line[at(e.mean)] = "●"
        lines.append(f"{e.name:<{width}}  {''.join(line)}  {100 * e.mean:+.1f}")
    return "\n".join(lines)


def _mixed_versions(records: Records) -> dict[str, list[int]]:
    """The stages for which records hold results of several versions."""
    seen: dict[str, set[int]] = {}
    for record in records.values():
        for stage, version in record.stages.items():
            seen.setdefault(stage, set()).add(version)
    return {stage: sorted(versions) for stage, versions in seen.items() if len(versions) > 1}


def _other_settings(jobs: Sequence[StudyJob], records: Records) -> list[str]:
    """Finished jobs whose settings differ from the plan's."""
    return [j.name for j in jobs if j.name in records and records[j.name].settings != _list(j)]


def _list(job: StudyJob) -> list[str]:
    return list(job.settings or ())


def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("mdexp.studies"), PackageLoader("mdexp.report")]),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for show in (percent, interval_text, points_text, p_value, cell, difference_text, check_p):
        environment.filters[show.__name__] = show
    return environment
