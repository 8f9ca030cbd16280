"""Writes the data of the page's list of generations as JSON within the page."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from mdexp.grading.breakdowns import error_class
from mdexp.records import VALIDATION, Generation, Problem, TranscriptKey
from mdexp.report.conversation import conversation_turns
from mdexp.report.lesson_examples import LessonExample

MOST_LISTED = 20_000  # generations: a page of 40 MB, which browsers still open
ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}
FIELDS = (
    "problem",
    "dataset",
    "phase",
    "thought",
    "sample",
    "verdict",
    "answer",
    "tokens",
    "logprob",
    "text",
    "output",
    "error",
    "steps",
    "turns",
)


def listed(generations: Sequence[Generation]) -> Sequence[Generation]:
    """The generations that the page lists: all, or, if there are more than MOST_LISTED, those of as
    many complete problems as fit (at least one), in the order of the SHA-256 of their ids."""
    if len(generations) <= MOST_LISTED:
        return generations
    number = Counter(generation.problem_id for generation in generations)
    chosen: set[str] = set()
    room = MOST_LISTED
    for name in sorted(number, key=lambda name: sha256(name.encode()).digest()):
        room -= number[name]
        if room < 0 and chosen:
            break
        chosen.add(name)
    return [generation for generation in generations if generation.problem_id in chosen]


def explorer_data(
    problems: Sequence[Problem],
    generations: Sequence[Generation],
    programs: Sequence[str] = (),
    sets: Mapping[str, Sequence[str]] = MappingProxyType({}),
    lessons: Sequence[LessonExample] = (),
    tokens: Mapping[TranscriptKey, int] = MappingProxyType({}),
) -> str:
    """Generations and their problems as JSON that is safe inside a script element.

    A generation is a list in the order of `fields`: names would be half of the page. `programs` are
    the thoughts whose texts are code, `sets` the ids of problems that can be chosen together.
    `lessons` are shown beside the student's texts, `tokens` are how many each generation has.
    """
    asked = {generation.problem_id for generation in generations}
    data = {
        "problems": {p.id: [p.question, str(p.answer), p.type] for p in problems if p.id in asked},
        "programs": list(programs),
        "sets": dict(sets),
        "lessons": list(lessons),
        "fields": FIELDS,
        "generations": [list(_row(g, tokens).values()) for g in generations],
    }
    return json.dumps(data, separators=(",", ":")).translate(ESCAPES)


def _row(generation: Generation, tokens: Mapping[TranscriptKey, int]) -> Mapping[str, Any]:
    dataset = generation.dataset
    names = (generation.problem_id, generation.thought, generation.sample, generation.phase)
    row = {
        "problem": generation.problem_id,
        "dataset": f"{dataset}{VALIDATION}" if generation.split != "test" else dataset,
        "phase": generation.phase,
        "thought": generation.thought,
        "sample": generation.sample,
        "verdict": error_class(generation),
        "answer": None if generation.answer is None else str(generation.answer),
        "tokens": tokens.get(TranscriptKey(*names)),
        "logprob": None if generation.logprob is None else round(generation.logprob, 4),
        "text": generation.text,
        "output": generation.stdout,
        "error": generation.error,
        "steps": generation.trace.get("steps", ()),
        "turns": conversation_turns(generation.segments),
    }
    assert tuple(row) == FIELDS
    return row
