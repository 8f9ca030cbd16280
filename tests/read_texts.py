"""Texts read by their thoughts, as verify and score read them."""

from collections.abc import Sequence

from mdexp.driver import Walk, written
from mdexp.ports import Done, Executor, Seen, Thought
from mdexp.reading import read_all
from mdexp.records import Expected, Segment, Transcript

NUMBER = Expected()


def read_texts(
    texts: Sequence[tuple[Thought, str]], executor: Executor, expected: Expected = NUMBER
) -> list[Done]:
    """What each text comes to, in order."""
    walks = [
        Walk(thought=thought, transcript=written(text), seen=Seen(expected=expected))
        for thought, text in texts
    ]
    return read_all(walks, executor)


def answer_of(segments: Sequence[Segment]) -> str:
    """The text that an exemplar or a lesson of one text answers with."""
    return segments[-1].text


def target(thought: Thought, done: Done) -> str:
    """The text that a student of a thought of one text is trained to write."""
    question = Transcript(problem_id="", thought="", sample=0, segments=written("").segments[:1])
    return answer_of(thought.lesson(question, done))
