"""Picks a lesson for each thought and type of problem, to be shown beside the student's texts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from mdexp.records import Lesson, Problem, by_id

MOST_TYPES = 40  # most lessons of a thought, however many types of problem there are


class LessonExample(TypedDict):
    """What the student was trained to write for one training problem."""

    thought: str
    type: str  # of the problem
    question: str
    text: str
    teacher: str


def lesson_examples(
    problems: Sequence[Problem], lessons: Iterable[Lesson], teachers: Mapping[str, str]
) -> list[LessonExample]:
    """The first lesson of each thought and type of problem; `teachers` by thought."""
    known = by_id(problems)
    found: dict[tuple[str, str], LessonExample] = {}
    for lesson in lessons:
        problem, thought = known[lesson.problem_id], lesson.thought
        if (thought, problem.type) in found:
            continue
        if sum(shown == thought for shown, _ in found) < MOST_TYPES:
            scored = [segment.text.strip() for segment in lesson.segments if segment.scored]
            found[thought, problem.type] = LessonExample(
                thought=thought,
                type=problem.type,
                question=problem.question,
                text="\n\n".join(scored),
                teacher=teachers.get(thought, ""),
            )
    return list(found.values())
