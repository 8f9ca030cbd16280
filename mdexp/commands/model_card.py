"""Writes the model card of an exported student: what it is, its results, the sources of its
data."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mdexp.commands.prompt_card import prompt_card
from mdexp.config.settings import Settings
from mdexp.decoding.choosing import chosen_variant
from mdexp.decoding.run_student import validation_choices
from mdexp.grading.score import Metrics
from mdexp.ports import Thought, student_name
from mdexp.ports.parts import TARGET, described
from mdexp.records import VALIDATION
from mdexp.report.tables import interval_text, percent, results
from mdexp.students.prompts import Renderer
from mdexp.teacher.origins import ORIGINS

UNKNOWN = "not known to mdexp: check it before you share the model"
COLUMNS = ("test set", "row", "rule", "problems", "before training", "after", "95 % interval")


def model_card(
    settings: Settings,
    manifest: Mapping[str, Any],
    metrics: Metrics,
    renderer: Renderer,
    dtype: str,
    unfinished_step: int | None = None,
) -> str:
    """The card as Markdown with the hub's front matter. `dtype` is the type of the exported
    weights, `unfinished_step` the number of optimiser steps of a checkpoint, if the student comes
    from one."""
    chosen = manifest["settings"]
    front = yaml.safe_dump(_front_matter(settings, chosen), sort_keys=False, allow_unicode=True)
    return "\n".join(
        [
            f"---\n{front}---",
            f"# {student_name(chosen['student'])}, distilled to reason by "
            f"{', '.join(settings.thoughts)}",
            "",
            f"Fine-tuned by mdexp (objective {settings.objective.name}, seed {settings.seed}).",
            "",
            "## Measured",
            "",
            *_measured(metrics, manifest, dtype, unfinished_step),
            "",
            "## How to ask",
            "",
            *_of_roles(settings.roles()),
            *prompt_card(renderer, _as_asked(settings, manifest), settings.roles()),
            "",
            "Programs that it writes are untrusted code: run them in a sandbox only.",
            "",
            "## Data and licences",
            "",
            f"- weights: started from {_start(chosen['student'])}",
            *[f"- problems: {line}" for line in datasets_used(manifest)],
            f"- reasoning paths: {teacher_used(chosen['teacher'])}",
            *_of_rounds(settings),
            "",
            "## Made with",
            "",
            *[f"- {name} {version}" for name, version in manifest["versions"].items()],
            f"- commit {manifest['commit'] or 'unknown'}",
            "",
        ]
    )


def _of_roles(roles: Sequence[str]) -> list[str]:
    """Explains a folder with a model for each role, and when to use which."""
    if not roles:
        return []
    folders = ", ".join(f"`{role}/`" for role in roles)
    return [
        f"The student has a model for each role: {folders}. Each is whole, the base with the "
        "adapter of that role merged, and transformers loads it by its folder. Each prompt below "
        "says which of them it goes to.",
        "",
    ]


def _measured(
    metrics: Metrics, manifest: Mapping[str, Any], dtype: str, unfinished_step: int | None
) -> list[str]:
    if unfinished_step is not None:
        return [
            f"Nothing: this is a checkpoint after {unfinished_step} optimiser steps of a training "
            f"that did not end. Weights are in {dtype}."
        ]
    answered = f"The run answered with weights in {_answered_in(manifest)}; here they are in"
    return [*_table(metrics), "", f"{answered} {dtype}."]


def _as_asked(settings: Settings, manifest: Mapping[str, Any]) -> dict[str, Thought]:
    """The thoughts by which the student answers, as the run prompted them."""
    return {
        name: chosen_variant(thought, validation_choices(manifest, name))
        for name, thought in settings.answering().items()
    }


def _front_matter(settings: Settings, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The hub's front matter. Base model and licence of a local folder cannot be verified, so they
    are omitted."""
    student, hub = chosen["student"], chosen["dataset"].get("hub") or {}
    causal = settings.student.kind == "causal"
    front = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation" if causal else "text2text-generation",
        "license": None if student.get("path") else student.get("licence"),
        "base_model": _repository(student),
        "datasets": [hub["repo"]] if hub.get("repo") else None,
        "tags": ["mdexp", "distillation", "reasoning"],
    }
    return {key: value for key, value in front.items() if value}


def _repository(student: Mapping[str, Any]) -> str | None:
    """The hub repository of the weights, if they come from there."""
    return None if student.get("path") or student.get("package") else student.get("repo")


def _start(student: Mapping[str, Any]) -> str:
    """The weights before training, and their licence."""
    name, licence = student_name(student), student.get("licence") or UNKNOWN
    if student.get("path"):
        return f"the folder {name}; configured as {licence}, which only you can confirm"
    if repo := _repository(student):
        name = f"{repo}@{student.get('revision') or 'main'}"
    return f"{name}; their licence goes on to apply: {licence}"


def _table(metrics: Metrics) -> list[str]:
    """A table of the accuracy of every row of every test set."""
    rows = [
        (
            *(row.dataset, row.name, row.after["rule"], str(row.after["n"])),
            percent(row.before["accuracy"]) if row.before else "",
            *(percent(row.after["accuracy"]), interval_text(row.after["ci95"])),
        )
        for row in results(metrics)
        if row.after and not row.dataset.endswith(VALIDATION)
    ]
    if not rows:
        return ["Nothing: the run was not scored."]
    table = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    return [f"| {' | '.join(cells)} |" for cells in table]


def _answered_in(manifest: Mapping[str, Any]) -> str:
    """The type of the weights that wrote the measured answers; that of a server is not known."""
    counts = [stage["counts"] for stage in manifest["stages"] if stage["name"] == "after"]
    return next((c["dtype"] for c in counts if "dtype" in c), "a type that it did not record")


def datasets_used(manifest: Mapping[str, Any]) -> list[str]:
    """Source and licence of the training set, then of the other test sets."""
    trained, *tested = manifest.get("data") or [UNKNOWN]
    return [trained, *(f"{line}, test only" for line in tested)]


def _of_rounds(settings: Settings) -> list[str]:
    """Which own paths, beside the teacher's, a student of several rounds learned from."""
    if settings.rounds == 1:
        return []
    method = described(settings.of_round())[TARGET].split(".")[-2]
    return [
        f"- own paths: {settings.rounds - 1} earlier rounds, each by the student of the one before "
        f"about the training problems, chosen by {method}"
    ]


def teacher_used(options: Mapping[str, Any]) -> str:
    """Who wrote the paths, and on what terms."""
    name = str(options["_target_"]).split(".")[-2]  # `worked` of `mdexp.teacher.worked.Worked`
    model = f", model {options['model']}" if options.get("model") else ""
    terms = ORIGINS[name].terms if name in ORIGINS else UNKNOWN
    return f"teacher={name}{model}; {terms}"
