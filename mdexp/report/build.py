"""Write report.md and report.html, one page that needs nothing beside it: no network, no server.

Whatever a model or a dataset wrote is data. In the page it lies in a JSON block in which no tag can
begin or end, and the script shows it as text only; everything else goes through Jinja's escaping.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mdexp.artifacts import write_text
from mdexp.records import VALIDATION, Generation, Problem, Vote
from mdexp.report import charts, tables
from mdexp.report.formula import formula
from mdexp.report.funnel import FunnelRow
from mdexp.scoring.score import Metrics, solved_by

ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}
NO_LLM = ("worked", "gold-equation")  # teachers that rewrite the dataset's own solutions


def build(
    folder: Path,
    *,
    problems: Sequence[Problem],
    generations: Sequence[Generation],
    votes: Sequence[Vote],
    metrics: Metrics,
    funnel: Sequence[FunnelRow],
    history: Sequence[Mapping[str, float]],
    run: Mapping[str, Any],
) -> None:
    """Write both reports into `folder`. A run without training or without `before` has fewer parts.

    `run` is what run.json holds: settings, versions, commit, seed, stages, each of them optional.
    """
    settings = run.get("settings", {})
    rows = tables.results(metrics, generations, votes)
    thoughts = list(dict.fromkeys(generation.thought for generation in generations))
    solved = solved_by(generations, thoughts)
    page = {
        "results": [row for row in rows if not row.dataset.endswith(VALIDATION)],
        "validation": [row for row in rows if row.dataset.endswith(VALIDATION)],
        "solved": solved,
        "solved_names": _names(solved),
        "formula": formula(settings),
        "sandbox_lacks": run.get("sandbox", {}).get("lacks", ""),
        "funnel": funnel,
        "teachers": teachers(funnel),
        "failures": failures(generations),
        "history": history,
        "loss_curve": charts.loss_curve(history) if history else "",
        "facts": facts(run),
        "stages": run.get("stages", []),
        "settings": json.dumps(settings, indent=2, ensure_ascii=False, default=str),
        "num_generations": len(generations),
        "explorer": explorer_data(problems, generations),
    }
    for name in ("report.md", "report.html"):
        template = _environment().get_template(f"{name}.j2")
        write_text(folder / name, template.render(page))


def teachers(funnel: Sequence[FunnelRow]) -> dict[str, str]:
    """Who wrote the paths of each thought, and that it is no language model where it is none."""
    return {
        row["thought"]: ", ".join(
            f"{model} (no LLM)" if model.startswith(NO_LLM) else model for model in row["teachers"]
        )
        or "nobody"
        for row in funnel
    }


def facts(run: Mapping[str, Any]) -> dict[str, Any]:
    """What the run ran on, as one flat list."""
    seed = run.get("seed", run.get("settings", {}).get("seed", "not recorded"))
    origin = {"seed": seed, "commit": run.get("commit") or "not recorded"}
    if "sandbox" in run:
        origin["programs run by"] = ", ".join(run["sandbox"]["tiers"])
    return origin | dict(run.get("versions", {})) | dict(run.get("machine", {}))


def failures(generations: Sequence[Generation]) -> dict[tuple[str, str], dict[str, int]]:
    """Statuses of the test generations by (phase, thought), the most frequent first."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for generation in generations:
        if generation.split == "test":
            key = (generation.phase, generation.thought)
            counts.setdefault(key, Counter())[generation.status] += 1
    return {key: dict(statuses.most_common()) for key, statuses in counts.items()}


def explorer_data(problems: Sequence[Problem], generations: Sequence[Generation]) -> str:
    """Generations and their problems as JSON that may stand inside a script element."""
    asked = {generation.problem_id for generation in generations}
    data = {
        "problems": {p.id: [p.question, str(p.answer)] for p in problems if p.id in asked},
        "generations": [_explorer_row(generation) for generation in generations],
    }
    return json.dumps(data).translate(ESCAPES)


def _names(solved: Mapping[str, Mapping[str, Mapping[str, int]]]) -> list[str]:
    phases = [counts for by_phase in solved.values() for counts in by_phase.values()]
    return list(dict.fromkeys(name for counts in phases for name in counts))


def _explorer_row(generation: Generation) -> dict[str, Any]:
    dataset = generation.dataset
    return {
        "problem": generation.problem_id,
        "dataset": f"{dataset}{VALIDATION}" if generation.split != "test" else dataset,
        "phase": generation.phase,
        "thought": generation.thought,
        "sample": generation.sample,
        "text": generation.text,
        "output": generation.stdout,
        "error": generation.error,
        "answer": None if generation.answer is None else str(generation.answer),
        "status": generation.status,
        "correct": generation.correct,
    }


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mdexp.report"),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for show in (tables.percent, tables.interval, tables.points, tables.p_value, cell):
        environment.filters[show.__name__] = show
    environment.globals["strip"] = charts.strip
    return environment


def cell(text: object) -> str:
    """Text within a table of Markdown."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;")
    return " ".join(escaped.replace("|", "\\|").split())
