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

from mdexp.ports import Thought
from mdexp.ports.parts import build_part
from mdexp.records import Example, Expected, Problem, VerifiedPath
from mdexp.students.prompts import Renderer
from mdexp.training.batches import plan_steps, trainable
from mdexp.training.examples import make_examples

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
    problems, paths = {}, []
    for problem, texts in islice(source, 4 * num_steps * step_problems):
        problems[problem.id] = problem
        paths += [
            VerifiedPath(
                problem_id=problem.id,
                thought=name,
                sample=sample,
                text=texts[name][sample % len(texts[name])],
                answer=problem.answer,
                model="replayed",
            )
            for name in thoughts
            for sample in range(num_paths)
        ]
    renderer = Renderer(tokenizer, "causal", "chat")
    examples, *_ = make_examples(paths, problems, thoughts, renderer, MAX_TOKENS)
    return plan_steps(
        trainable(examples, None, "any"),
        None,
        step_problems=step_problems,
        epochs=1,
        max_steps=num_steps,
        seed=0,
    )


def _thought(name: str) -> Thought:
    thought: Thought = build_part(yaml.safe_load((CONF / f"{name}.yaml").read_text()))
    return thought


def _svamp(
    folder: Path, thoughts: dict[str, Thought]
) -> Iterator[tuple[Problem, dict[str, list[str]]]]:
    """Training problems and what was written for each thought, right or wrong."""
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, thought in thoughts.items():
        for teacher in TEACHERS[name]:
            for row in _rows(folder / "teacher" / f"{teacher}-svamp-{name}.jsonl"):
                if text := thought.read(row["completion"], Expected()).text.strip():
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
