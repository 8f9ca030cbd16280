"""Writes report.md and report.html, a self-contained page: no network, no server.

Texts of models and datasets are data. In the page they lie in a JSON block in which no tag can
begin or end, and the script shows them as text only; everything else is escaped by Jinja.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mdexp.grading.analysis import Analyses
from mdexp.grading.score import Metrics
from mdexp.grading.selection import NOTE as SELECTION_NOTE
from mdexp.grading.selection import verdict as selection_verdict
from mdexp.grading.token_curves import TokenCurves
from mdexp.ports import student_name
from mdexp.records import VALIDATION, Generation, Lesson, Output, Problem, TranscriptKey, Vote
from mdexp.records.row_names import row_names, unverified
from mdexp.report import charts, tables
from mdexp.report.answer_tokens import answer_tokens
from mdexp.report.cost import costs, spent
from mdexp.report.curve_chart import curve_chart
from mdexp.report.explorer import explorer_data, listed
from mdexp.report.formula import formula
from mdexp.report.funnel import FunnelRow
from mdexp.report.headline import Versus, forest, headlines
from mdexp.report.lesson_examples import lesson_examples
from mdexp.report.problem_sets import disputed_set, problem_sets, solved_set
from mdexp.report.published import published
from mdexp.report.rounds import RoundRow, round_chart
from mdexp.report.search_trees import SEARCH_NOTE, DrawnTree, search_trees
from mdexp.report.series import series_classes
from mdexp.report.stage_counts import mostly_dropped, problem_counts
from mdexp.report.token_chart import TOKEN_NOTE, token_chart
from mdexp.store.files import write_text
from mdexp.sweeps.power import detectable_difference
from mdexp.teacher.origins import NO_LLM


def build_report(
    folder: Path,
    *,
    problems: Sequence[Problem],
    generations: Sequence[Generation],
    votes: Sequence[Vote],
    metrics: Metrics,
    analysis: Analyses,
    funnel: Sequence[FunnelRow],
    history: Sequence[Mapping[str, float]],
    run: Mapping[str, Any],
    lessons: Iterable[Lesson] = (),
    outputs: Sequence[Output] = (),
    programs: Sequence[str] = (),
    rounds: Sequence[RoundRow] = (),
    token_curves: Mapping[str, TokenCurves] = MappingProxyType({}),
) -> None:
    """Write both reports into `folder`. A run without training or without `before` has fewer
    sections.

    `run` is the content of run.json: settings, versions, commit, seed, stages, each optional.
    `outputs` give the tokens of answers. `programs` are the thoughts whose texts are code, `rounds`
    the rows of a run of several rounds, `token_curves` accuracy by tokens on each test set.
    """
    settings = run.get("settings", {})
    rows = tables.results(metrics, generations, votes, answer_tokens(outputs, votes))
    tested = [row for row in rows if not row.dataset.endswith(VALIDATION)]
    taught_by = teachers(funnel)
    ways = [way for curves in token_curves.values() for way in curves]
    classes = series_classes([*_thoughts(settings, generations, history), *ways])
    searches = search_trees(generations, problems)
    shown = listed(generations)
    sample = {"generations": len(shown), "problems": _num_problems(shown)}
    sample["of_problems"] = _num_problems(generations)
    page = {
        "answers": headlines(analysis, generations, votes, _names_of_first_set(metrics)),
        "analysis": analysis,
        "last_phase": {data: list(phases)[-1] for data, phases in analysis.items()},
        "title": title(settings),
        "parts": page_parts(
            tested, analysis, token_curves, searches, rounds, funnel, history, generations
        ),
        "results": tested,
        "power": power_lines(tested),
        "validation": [row for row in rows if row.dataset.endswith(VALIDATION)],
        "published": published(metrics),
        "row_names": {data: row_names(phases) for data, phases in metrics.items()},
        "run_grader": run_grader(metrics),
        "formula": formula(settings),
        "mostly_dropped": mostly_dropped(run.get("stages", [])),
        "unverified": unverified(metrics),
        "sandbox_lacks": run.get("sandbox", {}).get("lacks", ""),
        "selection_note": SELECTION_NOTE,
        "token_curves": token_curves,
        "token_note": TOKEN_NOTE,
        "searches": searches,
        "search_note": SEARCH_NOTE,
        "rounds": rounds,
        "round_charts": {
            dataset: round_chart(rounds, dataset, classes)
            for dataset in dict.fromkeys(way["dataset"] for row in rounds for way in row["scores"])
        },
        "funnel": funnel,
        "teachers": taught_by,
        "history": history,
        "classes": classes,
        "loss_curve": charts.loss_curve(history, classes) if history else "",
        "training": charts.training_told(history) if history else "",
        "spent": spent(run),
        "facts": facts(run),
        "stages": run.get("stages", []),
        "costs": costs(run),
        "settings": json.dumps(settings, indent=2, ensure_ascii=False, default=str),
        "num_generations": len(generations),
        "sample": sample,
        "explorer": explorer_data(
            problems,
            shown,
            programs,
            problem_sets(analysis),
            lesson_examples(problems, lessons, taught_by),
            {
                TranscriptKey(o.problem_id, o.thought, o.sample, o.phase): o.num_tokens
                for o in outputs
            },
        ),
    }
    for name in ("report.md", "report.html"):
        template = _environment().get_template(f"{name}.j2")
        write_text(folder / name, template.render(page))


def page_parts(
    results: Sequence[tables.ResultRow],
    analysis: Analyses,
    token_curves: Mapping[str, TokenCurves],
    searches: Sequence[DrawnTree],
    rounds: Sequence[RoundRow],
    funnel: Sequence[FunnelRow],
    history: Sequence[Mapping[str, float]],
    generations: Sequence[Generation],
) -> dict[str, str]:
    """Anchor and name of the page's non-empty sections, in order."""
    last = [list(phases.values())[-1] for phases in analysis.values()]
    everything = [found for phases in analysis.values() for found in phases.values()]
    there = {
        ("results", "Accuracy"): results,
        ("curves", "Number of paths"): any(found["curves"] for found in last),
        ("selection", "Choosing by score"): any("selection" in found for found in last),
        ("tokens", "Tokens"): token_curves,
        ("solved", "Who solves what"): any(found["solved_by"] for found in everything),
        ("kinds", "Kinds of problem"): any(any(found["kinds"].values()) for found in last),
        ("errors", "Failures"): any(found["errors"] for found in everything),
        ("graders", "Graders"): any(found["graders"] for found in last),
        ("searches", "Search trees"): searches,
        ("rounds", "Rounds"): rounds,
        ("funnel", "Teacher"): funnel,
        ("training", "Training"): history,
        ("run", "Run"): True,
        ("beside", "Side by side"): generations,
        ("generations", "Generations"): generations,
    }
    return {anchor: name for (anchor, name), has in there.items() if has}


def power_lines(results: Sequence[tables.ResultRow]) -> dict[str, str]:
    """For each test set: its number of problems and the smallest difference that they can show."""
    sizes = {row.dataset: (row.after or row.before or {"n": 0})["n"] for row in results}
    return {
        dataset: f"n = {n} sees differences above {100 * detectable_difference(n):.0f} points"
        for dataset, n in sizes.items()
    }


def _names_of_first_set(metrics: Metrics) -> dict[str, str]:
    return row_names(next(iter(metrics.values()), {}))


def _num_problems(generations: Sequence[Generation]) -> int:
    return len({generation.problem_id for generation in generations})


def _thoughts(
    settings: Mapping[str, Any],
    generations: Sequence[Generation],
    history: Sequence[Mapping[str, float]],
) -> list[str]:
    """The thoughts of the settings, then others that occur in the run's rows."""
    trained = [name.removeprefix(charts.NLL) for name in charts.losses(history) if name != "loss"]
    return [*settings.get("thoughts", {}), *trained, *(g.thought for g in generations)]


def teachers(funnel: Sequence[FunnelRow]) -> dict[str, str]:
    """Who wrote the paths of each thought, with a remark if no language model did."""
    return {
        row["thought"]: ", ".join(
            f"{model} (no LLM)" if model.startswith(NO_LLM) else model for model in row["teachers"]
        )
        or "nobody"
        for row in funnel
    }


def facts(run: Mapping[str, Any]) -> dict[str, Any]:
    """Facts about the run and its machine, as one flat list."""
    seed = run.get("seed", run.get("settings", {}).get("seed", "not recorded"))
    origin = {"seed": seed, "commit": run.get("commit") or "not recorded"}
    if "sandbox" in run:
        origin["programs run by"] = ", ".join(run["sandbox"]["tiers"])
    if data := run.get("data"):
        origin["problems from"] = "; ".join(data)
    for stage in run.get("stages", []):
        if stage["name"] == "prepare":
            origin["problems"] = problem_counts(stage["counts"])
    return origin | dict(run.get("versions", {})) | dict(run.get("machine", {}))


def title(settings: Mapping[str, Any]) -> str:
    """The title of a run: problems, student and thoughts."""
    parts = [
        _dataset(settings.get("dataset", {})),
        student_name(settings.get("student", {})),
        " + ".join(settings.get("thoughts", {})),
    ]
    return " · ".join(part for part in parts if part)


def _dataset(options: Mapping[str, Any]) -> str:
    """The dataset's name, else its module: `svamp` for `mdexp.datasets.svamp.Svamp`."""
    return options.get("name") or ".".join(options.get("_target_", "").split(".")[-2:-1])


def run_grader(metrics: Metrics) -> str:
    """Name and version of the run's grader; empty if nothing was graded."""
    rows = [row for phases in metrics.values() for rows in phases.values() for row in rows.values()]
    return rows[0]["grader"] if rows else ""


@cache  # the jobs of a sweep need not parse the templates again
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mdexp.report"),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    shown = (
        tables.percent,
        tables.interval_text,
        tables.points_text,
        tables.p_value,
        tables.tokens_text,
        cell,
        versus,
    )
    for show in shown:
        environment.filters[show.__name__] = show
    environment.filters["selection_verdict"] = selection_verdict
    for draw in (charts.strip, curve_chart, token_chart, forest, solved_set, disputed_set):
        environment.globals[draw.__name__] = draw
    return environment


def cell(text: object) -> str:
    """Text escaped for a cell of a Markdown table."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;")
    return " ".join(escaped.replace("|", "\\|").split())


def versus(difference: Versus) -> str:
    """What a difference is measured against, with both accuracies if it is between two rows."""
    if difference.accuracies is None:
        return cell(difference.name)
    first, second = (tables.percent(share) for share in difference.accuracies)
    return f"{cell(difference.name)}, from {first} to {second}"
