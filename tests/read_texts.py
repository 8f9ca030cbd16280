"""Texts read by their thoughts, as verify and score read them."""

from collections.abc import Sequence
from dataclasses import replace

from mdexp.driver import Walk, written
from mdexp.ports import Done, Executor, Seen, Thought
from mdexp.reading import read_all
from mdexp.records import Expected, Segment

NUMBER = Expected()


def read_texts(texts: Sequence[tuple[Thought, str, Expected]], executor: Executor) -> list[Done]:
    """What each text comes to, in order."""
    walks = [
        Walk(thought=thought, transcript=written(text), seen=Seen(expected=expected))
        for thought, text, expected in texts
    ]
    return read_all(walks, executor)


def answer_of(segments: Sequence[Segment]) -> str:
    """The text that an exemplar or a lesson of one text answers with."""
    return segments[-1].text


def target(thought: Thought, done: Done, answer: object) -> str:
    """The text that a student of a thought of one text is trained to write."""
    question = replace(written(""), segments=written("").segments[:1])
    return answer_of(thought.lesson(question, replace(done, answer=answer)))
