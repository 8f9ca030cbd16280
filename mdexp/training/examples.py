"""Tokenises lessons for one student; lessons that do not fit are counted, never cut."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal

from mdexp.config.settings import SettingsError
from mdexp.records import Example, Lesson, Rejection, Segments
from mdexp.students.load import Kind
from mdexp.students.prompts import NotAPrefix, Rendered, Renderer

OnOverlong = Literal["drop", "error"]
TOO_LONG = "too_long"
BATCH = 500  # lessons tokenised together


def make_examples(
    lessons: Sequence[Lesson],
    renderer: Renderer,
    max_tokens: int,
) -> tuple[list[Example], list[Rejection]]:
    """The examples of the lessons that fit: prompt and target have together at most `max_tokens`
    tokens.

    A lesson has one example for each of its roles for a causal student, and one for each of its
    texts for a seq2seq student.
    """
    examples: list[Example] = []
    unused: list[Rejection] = []
    opening = lru_cache(renderer.opening)  # the paths of a problem share a prompt
    for start in range(0, len(lessons), BATCH):
        batch = lessons[start : start + BATCH]
        of_lessons = [_sequences(lesson, renderer.kind, opening) for lesson in batch]
        ahead = renderer.reading_ahead(
            [(prompt, said) for sequences in of_lessons for prompt, said, _ in sequences]
        )
        for lesson, sequences in zip(batch, of_lessons, strict=True):
            made = [_example(lesson, *sequence, ahead, max_tokens) for sequence in sequences]
            faults = [one for one in made if isinstance(one, Rejection)]
            unused += faults[:1]
            if not faults:
                examples += [one for one in made if isinstance(one, Example)]
    return examples, unused


def _sequences(
    lesson: Lesson, kind: Kind, opening: Callable[[Segments], str]
) -> list[tuple[str, Segments, str]]:
    """For each training sequence of a lesson: the prompt, the segments after it, and the role that
    is trained on them."""
    said = lesson.segments
    first = next(n for n, s in enumerate(said) if s.author == "writer")
    if kind == "causal":
        roles = dict.fromkeys(segment.role for segment in said if segment.scored)
        return [(opening(said[:first]), _said_to(role, said[first:]), role) for role in roles]
    return [
        (opening(said[:place]), (segment,), segment.role)
        for place, segment in enumerate(said)
        if segment.author == "writer" and segment.scored
    ]


def _said_to(role: str, segments: Segments) -> Segments:
    """The segments up to the last text of a role, in which other roles' texts are context."""
    last = max(n for n, segment in enumerate(segments) if segment.scored and segment.role == role)
    return tuple(replace(s, scored=s.scored and s.role == role) for s in segments[: last + 1])


def _example(
    lesson: Lesson, prompt: str, said: Segments, role: str, renderer: Renderer, max_tokens: int
) -> Example | Rejection:
    """The example of a prompt followed by the segments `said`."""
    what: Any = {
        "problem_id": lesson.problem_id,
        "thought": lesson.thought,
        "sample": lesson.sample,
    }
    prompt_ids = renderer.prompt_ids(prompt)
    try:
        whole = renderer.rendered(prompt, said)
    except NotAPrefix as error:
        return Rejection(**what, reason="not_a_prefix", detail=str(error))
    target_ids = whole.ids[len(prompt_ids) :]
    if (read_back := renderer.text(target_ids)) != whole.says:
        return Rejection(**what, reason="lossy", detail=f"reads back as {read_back!r}")
    if (length := len(whole.ids)) > max_tokens:
        return Rejection(**what, reason=TOO_LONG, detail=f"{length} tokens of {max_tokens}")
    return Example(
        **what,
        prompt_ids=prompt_ids,
        target_ids=target_ids,
        target=whole.says,
        unscored=_unscored(whole, len(prompt_ids)),
        epoch=lesson.epoch,
        role=role,
    )


def shortest_lesson(lessons: Sequence[Lesson], renderer: Renderer) -> int | None:
    """The smallest `max_tokens` with which a lesson fits; None if length is not the reason."""
    made, _ = make_examples(lessons, renderer, max_tokens=sys.maxsize)
    longest: dict[tuple[str, str, int], int] = {}  # of the sequences of each lesson
    for one in made:
        name = (one.problem_id, one.thought, one.sample)
        length = len(one.prompt_ids) + len(one.target_ids)
        longest[name] = max(length, longest.get(name, 0))
    return min(longest.values(), default=None)


def _unscored(whole: Rendered, start: int) -> tuple[tuple[int, int], ...]:
    """The ranges of the target that are not scored."""
    ranges = []
    place = 0
    for scored, run in groupby(whole.scored[start:]):
        length = len(list(run))
        if not scored:
            ranges.append((place, place + length))
        place += length
    return tuple(ranges)


def refuse_overlong(unused: Sequence[Rejection]) -> None:
    """`trainer.on_overlong=error`: SettingsError that names the first lesson that does not fit."""
    if not (overlong := [one for one in unused if one.reason == TOO_LONG]):
        return
    first = overlong[0]
    raise SettingsError(
        {
            "trainer.max_tokens": f"{len(overlong)} lessons are longer, the first: problem "
            f"{first.problem_id}, {first.thought}, sample {first.sample}: {first.detail}. "
            "Raise it, or leave them out with trainer.on_overlong=drop"
        }
    )
