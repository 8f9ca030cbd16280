"""Optimiser steps for bench/train.py: what SVAMP's teachers wrote, or generated problems."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from transformers import PreTrainedTokenizerBase

from mdexp.ports import Done, Run, Seen, Thought
from mdexp.ports.parts import build_part
from mdexp.records import Example, Lesson, Problem, Segment
from mdexp.students.prompts import Renderer
from mdexp.training.batches import plan_steps, trainable
from mdexp.training.examples import make_examples
from mdexp.transcripts.opening import new_transcript

TEACHERS = {
    "cot": ("llmadapters", "dss", "plansolve", "zeroshotcot"),
    "pot": ("pot", "potzs", "goldequation"),
}
CONF = Path(__file__).parents[1] / "conf" / "thought"
MAX_TOKENS = 512


def training_steps(
    tokenizer: PreTrainedTokenizerBase, num_paths: int, num_steps: int, step_problems: int
) -> list[list[Example]]:
    """The first steps of an epoch, with `num_paths` of each thought for each problem. Where the
    teachers wrote fewer, they are repeated: speed depends on lengths alone."""
    thoughts = {name: _thought(name) for name in TEACHERS}
    folder = os.environ.get("MDEXP_DATA")
    source = _svamp(Path(folder), thoughts) if folder else _generated()
    lessons = [
        _lesson(problem, name, thought, sample, texts[name][sample % len(texts[name])])
        for problem, texts in islice(source, 4 * num_steps * step_problems)
        for name, thought in thoughts.items()
        for sample in range(num_paths)
    ]
    renderer = Renderer(tokenizer, "causal", "chat")
    examples, _ = make_examples(lessons, renderer, MAX_TOKENS)
    return plan_steps(
        trainable(examples, None, "any"),
        None,
        step_problems=step_problems,
        epochs=1,
        max_steps=num_steps,
        seed=0,
    )


def _thought(name: str) -> Thought:
    thought = build_part(yaml.safe_load((CONF / f"{name}.yaml").read_text()))
    assert isinstance(thought, Thought)
    return thought


def _lesson(problem: Problem, name: str, thought: Thought, sample: int, text: str) -> Lesson:
    done = Done(text=text, answer=problem.answer, status="ok")
    return Lesson(
        id=f"{problem.id}/{name}/{sample}",
        problem_id=problem.id,
        thought=name,
        sample=sample,
        segments=thought.lesson(new_transcript(problem.question), done),
        sources=(f"{name}/{sample}",),
    )


def _cleaned(thought: Thought, text: str) -> str:
    """A teacher's text as its thought understands it; a program is not run."""
    written = Segment(author="writer", text=text, turn="assistant")
    step = thought.next(new_transcript("").after(written), Seen())
    found = step.program if isinstance(step, Run) else step.text if isinstance(step, Done) else ""
    return (found or "").strip()


def _svamp(
    folder: Path, thoughts: dict[str, Thought]
) -> Iterator[tuple[Problem, dict[str, list[str]]]]:
    """Training problems and what was written for each thought, right or wrong."""
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, thought in thoughts.items():
        for teacher in TEACHERS[name]:
            for row in _rows(folder / "teacher" / f"{teacher}-svamp-{name}.jsonl"):
                if text := _cleaned(thought, row["completion"]):
                    texts[row["id"], name].append(text)
    for row in _rows(folder / "svamp" / "train.jsonl"):
        found = {name: texts[row["id"], name] for name in thoughts}
        if all(found.values()):
            yield _problem(row["id"], row["question"], row["answer"]), found


def _generated() -> Iterator[tuple[Problem, dict[str, list[str]]]]:
    """Problems of about SVAMP's lengths."""
    for i in range(1, 10_000):
        first, second = 3 * i % 97, 5 * i % 89
        question = f"A baker made {first} loaves. " * (1 + i % 4) + f"Then {second} were sold. "
        prose = f"There were {first} loaves and {second} of them were sold. " * (1 + i % 5)
        program = "\n".join(f"loaves_{j} = {first} - {second}" for j in range(1 + i % 6))
        answer = first - second
        texts = {"cot": [prose], "pot": [f"{program}\nans = loaves_0"]}
        yield _problem(f"generated {i}", question + "How many are left?", answer), texts


def _problem(name: str, question: str, answer: float) -> Problem:
    return Problem(id=name, dataset="svamp", split="train", question=question, answer=answer)


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]
