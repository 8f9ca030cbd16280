"""Texts read by their thoughts, as verify and score read them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from mdexp.ports import Done, Executor, Seen, Step, Thought
from mdexp.records import Expected, Segment, Transcript
from mdexp.students.prompts import Renderer
from mdexp.thoughts.single_write import Reading, next_step
from mdexp.transcripts.driver import Walk, written
from mdexp.transcripts.reading import read_all

NUMBER = Expected()


class OneText:
    """A thought of one text that tests define by `read` and `complete`."""

    max_writes = 1
    reads: tuple[str, ...] = ()
    made_from: ClassVar[dict[str, Thought]] = {}
    is_oracle = False
    unit = "sentence"
    cue = ""

    def read(self, text: str, expected: Expected) -> Reading:
        return Reading(text=text)

    def complete(self, text: str) -> str | None:
        return None

    def next(self, transcript: Transcript, seen: Seen) -> Step:
        return next_step(transcript, seen, cue=self.cue, read=self.read, complete=self.complete)


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


def target_ids(renderer: Renderer, prompt: str, text: str) -> list[int]:
    """The tokens of a text that a student is trained to write behind a prompt."""
    said = Segment(author="writer", text=text, turn="assistant", scored=True)
    return renderer.rendered(prompt, [said]).ids[len(renderer.prompt_ids(prompt)) :]
