"""Transcripts that a teacher writes in several texts; each text sees the conversation before it.

A text that is missing, refused or cut short ends its transcript. A transcript that lacks a text its
thought asks for is not a path.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mdexp.ports import Executor, Run, Thought, Write
from mdexp.records import REFUSED, Path, Problem, ProgramResult, Segment, TranscriptKey
from mdexp.teacher.request import Answer
from mdexp.transcripts.driver import Walk, conversation, drive, run_all, without_last_results
from mdexp.transcripts.opening import new_transcript
from mdexp.transcripts.prompting import goes_on
from mdexp.transcripts.reading import seen_of, without_thinking

_CUT_SHORT = ("length", *REFUSED)


@dataclass(slots=True, kw_only=True)
class Dialogue:
    """An unfinished transcript with the answers that it is made of."""

    walk: Walk
    answers: list[Answer] = field(default_factory=list)
    lacks_text: bool = False  # the next text is missing

    @property
    def part(self) -> int:
        """The index of the text to be written next, from 0."""
        return len(self.answers)

    def path(self, model: str) -> Path | None:
        """The path, None if a text is missing; `model` is recorded where the server does not name
        the model."""
        if self.lacks_text or not self.answers:
            return None
        transcript, last = self.walk.transcript, self.answers[-1]
        one_text = len(self.answers) == 1
        return Path(
            problem_id=transcript.problem_id,
            thought=transcript.thought,
            sample=transcript.sample,
            text=conversation(transcript),
            model=last.model or model,
            finish_reason=last.finish_reason,
            thinking=last.thinking if one_text else "",
            segments=() if one_text else without_last_results(transcript.segments[1:]),
        )

    def said(self, cue: Sequence[Segment]) -> list[Segment]:
        """The messages for the teacher: the conversation so far without its thinking, then the
        cue."""
        return [*map(without_thinking, self.walk.transcript.segments), *cue]


Texts = Callable[[Sequence[tuple[Dialogue, Write]]], Sequence[Answer | None]]


def is_dialogue(thought: Thought) -> bool:
    """Whether a teacher is asked for several texts in turn."""
    return thought.max_writes > 1 and not thought.made_from


def opened(problem: Problem, name: str, thought: Thought, sample: int) -> Dialogue:
    """A dialogue before its first text."""
    transcript = new_transcript(
        problem.question, problem_id=problem.id, thought=name, sample=sample
    )
    seen = seen_of(TranscriptKey(problem.id, name, sample), problem, thought, {})
    return Dialogue(walk=Walk(thought=thought, transcript=transcript, seen=seen))


def write_out(dialogues: Sequence[Dialogue], texts: Texts, executor: Executor) -> None:
    """Advance dialogues until nothing is left to write. `texts` returns the next text of each, None
    if there is none."""
    by_walk = {id(dialogue.walk): dialogue for dialogue in dialogues}

    def write(pending: Sequence[tuple[Walk, Write]]) -> list[Segment]:
        of_dialogues = [(by_walk[id(walk)], step) for walk, step in pending]
        found = texts(of_dialogues)
        return [_taken(d, answer) for (d, _), answer in zip(of_dialogues, found, strict=True)]

    def run(runs: Sequence[tuple[Walk, Run]]) -> list[ProgramResult]:
        return run_all([step for _, step in runs], executor)

    drive([dialogue.walk for dialogue in dialogues], write, run, reads=False)


def refuse_reading(thoughts: Mapping[str, Thought]) -> None:
    """ValueError for a dialogue that reads another thought's outcome: that is known only when
    everything is written."""
    for name, thought in thoughts.items():
        if is_dialogue(thought) and thought.reads:
            raise ValueError(
                f"thought={name} reads {', '.join(thought.reads)}, and a teacher who writes "
                f"{name} in several texts is shown no other thought; derive its lessons from one"
            )


def refuse_continued(
    thoughts: Mapping[str, Thought], exemplars: Sequence[Mapping[str, Any]]
) -> None:
    """ValueError for a dialogue whose exemplars continue a text after a cue."""
    for name, thought in thoughts.items():
        for row in exemplars if is_dialogue(thought) else ():
            if goes_on(thought, row):
                raise cannot_continue(name)


def cannot_continue(name: str) -> ValueError:
    return ValueError(
        f"thought={name} goes on within a text, and a chat teacher begins a new one with each "
        "reply; let its lessons derive from another thought, or play recorded texts "
        "(teacher=replay)"
    )


def _taken(dialogue: Dialogue, answer: Answer | None) -> Segment:
    """Add the next text to a dialogue; a missing or truncated text ends it."""
    if answer is None:
        dialogue.lacks_text = True
        return Segment(author="writer", text="", finished=False)
    dialogue.answers.append(answer)
    return Segment(
        author="writer",
        text=answer.text,
        thinking=answer.thinking,
        finished=answer.finish_reason not in _CUT_SHORT,
    )
