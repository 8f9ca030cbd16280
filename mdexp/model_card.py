"""The card of an exported student: what it is, what was measured, where its data came from."""

from collections.abc import Mapping
from typing import Any

from mdexp.settings import Settings

TEACHER_NOTES = {
    "openai": "written by the model named above behind an API, whose terms of use may restrict "
    "training other models on its outputs",
    "replay": "replayed from a recording of a teacher: the terms of the model that wrote it apply",
    "worked": "derived from the datasets' own solutions; no language model wrote them",
}
UNKNOWN = "not known to mdexp: look it up before sharing"


def model_card(settings: Settings, manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The card as Markdown with the hub's front matter."""
    told = manifest["settings"]
    student, teacher = (_module(told[name]) for name in ("student", "teacher"))
    base = told["student"].get("repo") or told["student"].get("package") or student
    thoughts = ", ".join(settings.thoughts)
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            f"pipeline_tag: {_task(settings)}",
            "tags: [mdexp, distillation, reasoning]",
            "---",
            f"# {base}, distilled to reason by {thoughts}",
            "",
            f"Fine-tuned by mdexp (objective {settings.objective.name}, seed {settings.seed}).",
            "",
            "## Measured",
            "",
            *_table(metrics),
            "",
            "## How to ask",
            "",
            "Put the question, a line break, and one of these lines"
            + (" through the chat template:" if told["student"].get("prompt") == "chat" else ":"),
            "",
            *[f"- {name}: `{thought.cue}`" for name, thought in settings.thoughts.items()],
            "",
            "A program that it writes is unvetted code: run it in a sandbox only.",
            "",
            "## Data and licences",
            "",
            f"- weights: started from {base}; its licence goes on to apply",
            *[f"- problems: {line}" for line in _datasets(manifest)],
            f"- reasoning paths: teacher={teacher}"
            + (f", model {told['teacher']['model']}" if told["teacher"].get("model") else "")
            + f"; {TEACHER_NOTES.get(teacher, UNKNOWN)}",
            "",
            "## Made with",
            "",
            *[f"- {name} {version}" for name, version in manifest["versions"].items()],
            f"- commit {manifest['commit'] or 'unknown'}",
            "",
        ]
    )


def _table(metrics: Mapping[str, Any]) -> list[str]:
    """Accuracy of every row of every test set, with its 95 % interval."""
    rows = [
        f"| {dataset} | {phase} | {name} | {row['rule']} | {row['num_paths']} | {row['n']} "
        f"| {100 * row['accuracy']:.1f} | {100 * row['ci95'][0]:.1f}-{100 * row['ci95'][1]:.1f} |"
        for dataset, phases in metrics.items()
        for phase, named in phases.items()
        for name, row in named.items()
    ]
    if not rows:
        return ["Nothing: the run was not scored."]
    heading = "| dataset | training | row | rule | paths | problems | accuracy % | 95 % interval |"
    return [heading, "|" + "---|" * 8, *rows]


def _datasets(manifest: Mapping[str, Any]) -> list[str]:
    """Source and licence of the training set and, behind it, of those that were only tested on."""
    trained, *tested = manifest.get("data") or [UNKNOWN]
    return [trained, *(f"{line}, test only" for line in tested)]


def _task(settings: Settings) -> str:
    return "text-generation" if settings.student.kind == "causal" else "text2text-generation"


def _module(options: Mapping[str, Any]) -> str:
    """`svamp` of `mdexp.datasets.svamp.Svamp`."""
    return str(options["_target_"]).split(".")[-2]
