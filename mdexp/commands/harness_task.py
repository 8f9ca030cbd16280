"""Writes lm-evaluation-harness tasks for an exported student: test problems, prompts and grader.

A task reads, runs and grades a text with mdexp, which must be installed where the harness runs. A
thought of several texts has no task, since the harness asks only once.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from mdexp.answers import plain
from mdexp.config.settings import Settings
from mdexp.grading.score import grade
from mdexp.ports.parts import build_part, described
from mdexp.records import Output, Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.store.files import plain_data, write_json, write_text
from mdexp.store.json_lines import write_jsonl
from mdexp.students.prompts import Renderer

FOLDER = "lm_eval"
FUNCTIONS = '''\
"""What the tasks of this folder do with a problem; mdexp reads, runs and grades the texts."""

from pathlib import Path

from mdexp.commands.harness_task import graded_text, task_rows

HERE = Path(__file__).parent
'''
OF_TASK = """

def {thought}_rows(**options):
    return task_rows(HERE, "{thought}")


def {thought}_graded(doc, results):
    return {{"acc": graded_text(HERE, "{thought}", doc, results[0])}}
"""


class _Tag(str):
    """A YAML tag that names a function of the Python file beside it."""


yaml.SafeDumper.add_representer(
    _Tag, lambda dumper, value: dumper.represent_scalar("!function", str(value))
)


def write_harness_tasks(
    folder: Path, settings: Settings, problems: Sequence[Problem], renderer: Renderer
) -> list[str]:
    """Write a task for each thought of one text into `folder`/lm_eval; returns their names, none
    without a test problem."""
    tests = [problem for problem in problems if problem.split == "test"]
    thoughts = {
        name: thought
        for name, thought in settings.answering().items()
        if thought.max_writes == 1 and not thought.reads
    }
    if not tests or not thoughts:
        return []
    place = folder / FOLDER
    place.mkdir()
    for name, thought in thoughts.items():
        prompts = [renderer.prompt(problem.question, thought) for problem in tests]
        rows = [
            # The problem as one text: a column has one type, but answers are numbers or words.
            {
                "prompt": prompt,
                "answer": plain(problem.answer),
                "problem": json.dumps(plain_data(problem)),
            }
            for prompt, problem in zip(prompts, tests, strict=True)
        ]
        write_jsonl(place / f"{name}.jsonl", rows)
        write_text(place / f"mdexp_{name}.yaml", yaml.safe_dump(_task(name, settings)))
        write_json(
            place / f"{name}.json",
            {
                "thought": described(thought),
                "grader": described(settings.grader),
                "sandbox": settings.sandbox.model_dump(),
            },
        )
    functions = "".join(OF_TASK.format(thought=name) for name in thoughts)
    write_text(place / "tasks.py", FUNCTIONS + functions)
    return [f"mdexp_{name}" for name in thoughts]


def _task(name: str, settings: Settings) -> dict[str, Any]:
    return {
        "task": f"mdexp_{name}",
        "custom_dataset": _Tag(f"tasks.{name}_rows"),
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{answer}}",
        "process_results": _Tag(f"tasks.{name}_graded"),
        "generation_kwargs": {
            "until": [],
            "do_sample": False,
            "max_gen_toks": settings.decoding.max_new_tokens,
        },
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1.0},
    }


def task_rows(folder: Path, thought: str) -> dict[str, Any]:
    """The test problems of a task, in the harness's format."""
    import datasets

    lines = (folder / f"{thought}.jsonl").read_text(encoding="utf-8").splitlines()
    return {"test": datasets.Dataset.from_list([json.loads(line) for line in lines])}


def graded_text(folder: Path, thought: str, doc: Mapping[str, Any], text: str) -> bool:
    """Whether a text answers the problem of a row. The harness does not say whether the token limit
    cut a text short, so such a text is read as it stands."""
    options, sandbox = _opened(folder, thought)
    problem = Problem(**json.loads(doc["problem"]))
    output = Output(
        problem_id=problem.id,
        dataset=problem.dataset,
        split="test",
        phase="after",
        thought=thought,
        sample=0,
        num_shots=0,
        text=text,
        num_tokens=0,
        finished=True,
    )
    thoughts: Any = {thought: build_part(options["thought"])}
    grader: Any = build_part(options["grader"])
    [found] = grade([output], {problem.id: problem}, thoughts, sandbox, grader)
    return found.correct


@lru_cache(maxsize=8)
def _opened(folder: Path, thought: str) -> tuple[dict[str, Any], Sandbox]:
    options = json.loads((folder / f"{thought}.json").read_text(encoding="utf-8"))
    return options, Sandbox(**options["sandbox"])
