"""Assigns each text of a lesson to the adapter that learns it, if the student's roles are
separate."""

from dataclasses import replace

from mdexp.ports import Seen, Thought, Write
from mdexp.records import Lesson, Segment, Transcript


def with_roles(lesson: Lesson, thought: Thought) -> Lesson:
    """The lesson with the role that its thought gives to each text when it asks for it."""
    segments = tuple(
        replace(segment, role=_role(lesson, place, thought))
        if segment.author == "writer"
        else segment
        for place, segment in enumerate(lesson.segments)
    )
    return replace(lesson, segments=segments)


def _role(lesson: Lesson, place: int, thought: Thought) -> str:
    """Of the text at a place of the lesson."""
    before: list[Segment] = [*lesson.segments[:place]]
    while before[-1].author == "cue":
        before.pop()
    transcript = Transcript(
        problem_id=lesson.problem_id,
        thought=lesson.thought,
        sample=lesson.sample,
        segments=tuple(before),
    )
    step = thought.next(transcript, Seen())
    return step.role if isinstance(step, Write) else lesson.segments[place].role
