"""Writes the data of the page's list of generations as JSON within the page."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from mdexp.grading.breakdowns import error_class
from mdexp.records import VALIDATION, Generation, Problem, Segment
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
) -> str:
    """Generations and their problems as JSON that is safe inside a script element.

    A generation is a list in the order of `fields`: names would be half of the page. `programs` are
    the thoughts whose texts are code, `sets` the ids of problems that can be chosen together.
    `lessons` are shown beside the student's texts.
    """
    asked = {generation.problem_id for generation in generations}
    data = {
        "problems": {p.id: [p.question, str(p.answer), p.type] for p in problems if p.id in asked},
        "programs": list(programs),
        "sets": dict(sets),
        "lessons": list(lessons),
        "fields": FIELDS,
        "generations": [list(_row(g).values()) for g in generations],
    }
    return json.dumps(data, separators=(",", ":")).translate(ESCAPES)


def conversation_turns(segments: Sequence[Segment]) -> list[tuple[str, str]]:
    """The turns of a transcript of several texts, for people: texts with their tokens, the outcome
    of each run, and what the writer was asked or read."""
    return [_turn(before, segment) for before, segment in pairwise((None, *segments)) if segment]


def _turn(before: Segment | None, segment: Segment) -> tuple[str, str]:
    match segment.author:
        case "writer":
            cut = "" if segment.finished else ", cut short"
            return f"{segment.role}, {segment.num_tokens} tokens{cut}", segment.text
        case "executor":
            status = segment.result.status if segment.result else ""
            return f"sandbox, ran what was written: {status}", _found(segment)
        case "cue" if before and before.author == "executor" and segment.turn is None:
            return "read by the student", segment.text.strip()
        case _:
            return "asked", segment.text.strip()


def _found(segment: Segment) -> str:
    answer = segment.result.answer if segment.result else None
    return segment.text or ("" if answer is None else str(answer))


def _row(generation: Generation) -> Mapping[str, Any]:
    dataset = generation.dataset
    row = {
        "problem": generation.problem_id,
        "dataset": f"{dataset}{VALIDATION}" if generation.split != "test" else dataset,
        "phase": generation.phase,
        "thought": generation.thought,
        "sample": generation.sample,
        "verdict": error_class(generation),
        "answer": None if generation.answer is None else str(generation.answer),
        "logprob": None if generation.logprob is None else round(generation.logprob, 4),
        "text": generation.text,
        "output": generation.stdout,
        "error": generation.error,
        "steps": generation.trace.get("steps", ()),
        "turns": conversation_turns(generation.segments),
    }
    assert tuple(row) == FIELDS
    return row
