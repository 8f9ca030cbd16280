"""Asks a teacher for thoughts of several texts: one request per text, which contains all earlier
texts.

Samples of a problem with equal earlier texts share a request, and each has its own sample number.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from mdexp.ports import Executor, Thought, Write
from mdexp.records import Problem, Transcript
from mdexp.teacher.asking import Asking
from mdexp.teacher.dialogue import Dialogue, cannot_continue, is_dialogue, opened, write_out
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.request import Answer, Request, Wanted
from mdexp.transcripts.driver import cues


class Ask(NamedTuple):
    """A text that a dialogue asks for: a sample of a request. `part` is the number of texts before
    it."""

    request: Request
    sample: int
    transcript: Transcript
    part: int

    @property
    def asker(self) -> tuple[Request, str, str, int]:
        """The request with its problem and thought, as the ledger records them."""
        return self.request, self.transcript.problem_id, self.transcript.thought, self.part


Supply = Callable[[Sequence[Ask]], Sequence[Answer | None]]


def ask_in_steps(
    asking: Asking,
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    num_paths: int,
    supply: Supply,
    executor: Executor,
) -> list[Dialogue]:
    """All dialogues of a run, written as far as `supply` has texts. `supply` is called once for the
    next texts of all dialogues."""
    dialogues = [
        opened(problem, name, thought, sample)
        for problem in problems
        for name, thought in thoughts.items()
        if is_dialogue(thought)
        for sample in range(num_paths)
    ]

    def texts(pending: Sequence[tuple[Dialogue, Write]]) -> Sequence[Answer | None]:
        return supply([_ask(asking, dialogue, step) for dialogue, step in pending])

    write_out(dialogues, texts, executor)
    return dialogues


def owned(book: Ledger, asks: Sequence[Ask]) -> list[Answer | None]:
    """The texts that the ledger has."""
    found = [book.answers(ask.request, [ask.sample]) for ask in asks]
    return [answers[0] if answers else None for answers in found]


def samples_wanted(asks: Iterable[Ask]) -> Wanted:
    """The samples of each request."""
    wanted: defaultdict[Request, set[int]] = defaultdict(set)
    for ask in asks:
        wanted[ask.request].add(ask.sample)
    return {request: sorted(samples) for request, samples in wanted.items()}


def _ask(asking: Asking, dialogue: Dialogue, step: Write) -> Ask:
    transcript = dialogue.walk.transcript
    if step.continues or (dialogue.part and not step.cue):
        raise cannot_continue(transcript.thought)
    thought, kind = dialogue.walk.thought, dialogue.walk.seen.expected.kind
    sample, number = divmod(transcript.sample, len(asking.prompting.sets_for(kind)))
    said = dialogue.said(cues(transcript, step))
    request = asking.request_behind(thought, kind, number, said)
    return Ask(request, sample, transcript, dialogue.part)
