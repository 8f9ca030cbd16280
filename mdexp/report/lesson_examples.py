"""Picks a lesson for each thought and type of problem, to be shown beside the student's texts."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import dropwhile
from typing import TypedDict

from mdexp.records import Lesson, Problem, by_id
from mdexp.report.conversation import conversation_turns

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
            found[thought, problem.type] = LessonExample(
                thought=thought,
                type=problem.type,
                question=problem.question,
                text=_told(lesson),
                teacher=teachers.get(thought, ""),
            )
    return list(found.values())


def _told(lesson: Lesson) -> str:
    """What the student learns to write; of a lesson with other texts, the whole conversation."""
    scored = [segment.text.strip() for segment in lesson.segments if segment.scored]
    behind = list(dropwhile(lambda segment: segment.author != "writer", lesson.segments))
    if len(behind) == len(scored):
        return "\n\n".join(scored)
    marks = {True: " (to be learned)", False: ""}
    turns = zip(conversation_turns(behind), behind, strict=True)
    return "\n\n".join(f"[{who}{marks[s.scored]}]\n{text}" for (who, text), s in turns)
