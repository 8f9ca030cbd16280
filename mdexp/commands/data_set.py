"""Writes the verified paths of a run as a data set for the hub: a parquet file and a card."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mdexp.answers import plain
from mdexp.commands.model_card import datasets_used, teacher_used
from mdexp.records import Problem, Rejection, VerifiedPath, by_id
from mdexp.store.files import write_text
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import run_file, run_manifest

CARD = "README.md"
TABLE = "data/train-00000-of-00001.parquet"
COLUMNS = {
    "problem_id": "joins the paths of a problem",
    "dataset": "where the problem is from",
    "question": "what was asked",
    "gold": "the data set's answer, as text",
    "thought": "how the path reasons: cot is prose, pot a Python program, ...",
    "sample": "index of the path among those of its problem and thought",
    "text": "the path, cleaned; for several texts, the last",
    "thinking": "the teacher's thinking before the path, if it was kept",
    "answer": "the path's answer, as text",
    "model": "who wrote it",
}


def write_data_set(run: Path, folder: Path) -> None:
    """Write the verified paths of a run into an existing folder. ValueError if the run verified
    none or pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError('parquet files need pyarrow: pip install "mdexp[hub]"') from error
    manifest = run_manifest(run)
    problems = by_id(read_jsonl(run_file(run, "problems.jsonl"), Problem))
    paths = read_jsonl(run_file(run, "verified.jsonl"), VerifiedPath)
    rejected = read_jsonl(run_file(run, "rejected.jsonl"), Rejection)
    if not paths:
        raise ValueError(
            f"{run}: no path of its teacher was verified, so there is nothing to write"
        )
    (folder / TABLE).parent.mkdir()
    rows = [_row(path, problems[path.problem_id]) for path in paths]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / TABLE)
    write_text(folder / CARD, data_card(manifest, paths, rejected))


def _row(path: VerifiedPath, problem: Problem) -> dict[str, Any]:
    values = {
        "problem_id": path.problem_id,
        "dataset": problem.dataset,
        "question": problem.question,
        "gold": plain(problem.answer),
        "thought": path.thought,
        "sample": path.sample,
        "text": path.text,
        "thinking": path.thinking,
        "answer": plain(path.answer),
        "model": path.model,
    }
    return {name: values[name] for name in COLUMNS}


def data_card(
    manifest: Mapping[str, Any], paths: Sequence[VerifiedPath], rejected: Sequence[Rejection]
) -> str:
    """The card as Markdown with the hub's front matter."""
    settings = manifest["settings"]
    trained_on = datasets_used(manifest)[0]
    front = {
        "tags": ["mdexp", "distillation", "reasoning"],
        "configs": [{"config_name": "default", "data_files": "data/train-*.parquet"}],
    }
    models = ", ".join(sorted({path.model for path in paths}))
    return "\n".join(
        [
            f"---\n{yaml.safe_dump(front, sort_keys=False)}---",
            "# Verified reasoning paths",
            "",
            "Paths that a teacher wrote for training problems. Each was read, its program was run, "
            f"and its answer was checked (`verify.mode={settings['verify']['mode']}`; `gold` keeps "
            "paths whose answer equals the data set's).",
            "",
            "## Counts",
            "",
            "| thought | paths | problems | rejected |",
            "|---|---|---|---|",
            *_counts(paths, rejected),
            "",
            f"Rejected, by reason: {_reasons(rejected)}.",
            "",
            "## Columns",
            "",
            *[f"- `{name}`: {meaning}" for name, meaning in COLUMNS.items()],
            "",
            "## Decontamination",
            "",
            _decontamination(manifest),
            "",
            "## Sources and licences",
            "",
            f"- problems: {trained_on}; their licence goes on to apply",
            f"- reasoning paths: {teacher_used(settings['teacher'])}",
            f"- models, as they name themselves: {models}",
            "",
            "## Made with",
            "",
            *[f"- {name} {version}" for name, version in manifest["versions"].items()],
            f"- commit {manifest['commit'] or 'unknown'}",
            "",
        ]
    )


def _counts(paths: Sequence[VerifiedPath], rejected: Sequence[Rejection]) -> list[str]:
    thoughts = dict.fromkeys([*(p.thought for p in paths), *(r.thought for r in rejected)])
    lost = Counter(rejection.thought for rejection in rejected)
    lines = []
    for thought in thoughts:
        ours = [path for path in paths if path.thought == thought]
        problems = len({path.problem_id for path in ours})
        lines.append(f"| {thought} | {len(ours)} | {problems} | {lost[thought]} |")
    return lines


def _reasons(rejected: Sequence[Rejection]) -> str:
    reasons = Counter(rejection.reason for rejection in rejected).most_common()
    return ", ".join(f"{reason} {number}" for reason, number in reasons) or "none"


def _decontamination(manifest: Mapping[str, Any]) -> str:
    """What happened to training problems that are also in a test set."""
    counts = next(s["counts"] for s in manifest["stages"] if s["name"] == "prepare")
    options = manifest["settings"]["dataset"]
    tested = ", ".join(
        sorted({"the data set's own test part", *map(str, options.get("ood") or [])})
    )
    return (
        f"Compared with {tested}, by `dataset.overlap={options.get('overlap')}`: "
        f"{counts.get('leaked', 0)} training problems equal a test problem, and no path of theirs "
        f"is here. {counts.get('near_duplicates', 0)} share 90 % of their words with one "
        f"(`dataset.near_duplicates={options.get('near_duplicates')}`)."
    )
