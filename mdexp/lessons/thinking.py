"""The teacher's thinking in the lessons that are made of its paths (teacher.thinking=keep)."""

from collections.abc import Sequence
from dataclasses import replace

from mdexp.records import Segments, VerifiedPath


def thinking_of(path: VerifiedPath) -> list[str]:
    """What the teacher thought before each of its texts."""
    if not path.segments:
        return [path.thinking]
    return [segment.thinking for segment in path.segments if segment.author == "writer"]


def thinking_together(paths: Sequence[VerifiedPath]) -> list[str]:
    """What was thought before the texts of several paths, as one, for a lesson made of all."""
    return ["\n".join(filter(None, (text for path in paths for text in thinking_of(path))))]


def thought_first(segments: Segments, thinking: Sequence[str]) -> Segments:
    """The lesson with the teacher's thinking before the student's texts, in the order of both. Of
    more texts than the lesson has, the last is its last. A text that goes on within a turn has its
    thinking where the turn begins: a student thinks there alone."""
    number = sum(segment.author == "writer" for segment in segments)
    if len(thinking) > number:
        thinking = [*thinking[: number - 1], thinking[-1]]
    left = iter(thinking)
    said = list(segments)
    begins = 0
    for place, segment in enumerate(segments):
        if segment.author != "writer":
            continue
        begins = place if segment.turn else begins
        earlier = "" if segment.turn else said[begins].thinking
        both = "\n".join(filter(None, (earlier, next(left, ""))))
        said[begins] = replace(said[begins], thinking=both)
    return tuple(said)
