"""Predicts the requests for texts that follow others which are not written yet.

In such a request the unwritten texts are empty and counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mdexp.ports import Executor, Thought
from mdexp.records import Problem, Transcript
from mdexp.teacher.asking import Asking
from mdexp.teacher.dialogue import Dialogue
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.request import Answer, Request
from mdexp.teacher.steps import Ask, ask_in_steps, owned


class LaterText(NamedTuple):
    """A later text that a run will ask for; `num_unwritten` texts before it are not written yet and
    are empty in `request`."""

    request: Request
    sample: int
    thought: str
    num_unwritten: int


def later_texts(
    asking: Asking,
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    num_paths: int,
    book: Ledger | None,
    executor: Executor,
) -> list[LaterText]:
    """All later texts that a run may ask for; a thought may end earlier."""
    forecast = _Forecast(book)
    dialogues = ask_in_steps(asking, problems, thoughts, num_paths, forecast.supply, executor)
    return [text for d in dialogues for text in forecast.texts_of(d)]


class _Forecast:
    def __init__(self, book: Ledger | None) -> None:
        self._book = book
        self._asked: dict[tuple[str, str, int], list[LaterText]] = {}
        self._unwritten: Counter[tuple[str, str, int]] = Counter()

    def supply(self, asks: Sequence[Ask]) -> list[Answer]:
        """The ledger's text, or an empty text."""
        there = owned(self._book, asks) if self._book else [None] * len(asks)
        return [self._noted(*pair) for pair in zip(asks, there, strict=True)]

    def texts_of(self, dialogue: Dialogue) -> list[LaterText]:
        """The later texts of a dialogue, also where it ended early because its texts are empty."""
        name = _name(dialogue.walk.transcript)
        asked, num_unwritten = self._asked[name], self._unwritten[name]
        most = dialogue.walk.thought.max_writes if num_unwritten else dialogue.part
        more = range(most - dialogue.part)
        longest = [asked[-1]._replace(num_unwritten=num_unwritten + n) for n in more]
        return (asked + longest)[1:]

    def _noted(self, ask: Ask, answer: Answer | None) -> Answer:
        name = _name(ask.transcript)
        num_unwritten = self._unwritten[name]
        text = LaterText(ask.request, ask.sample, ask.transcript.thought, num_unwritten)
        self._asked.setdefault(name, []).append(text)
        if answer and not num_unwritten:
            return answer
        self._unwritten[name] += 1
        return Answer(sample=ask.sample, text="", finish_reason="stop", model="")


def _name(transcript: Transcript) -> tuple[str, str, int]:
    return transcript.problem_id, transcript.thought, transcript.sample
