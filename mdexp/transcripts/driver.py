"""Drives transcripts: writes or runs what their thoughts ask for next, many at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mdexp.answers import LARGEST, fitting, stated_text
from mdexp.ports import Done, Executor, Run, Seen, Step, Thought, Write
from mdexp.records import Expected, Problem, ProgramResult, Segment, Transcript, turns_of
from mdexp.transcripts.opening import first_cue, new_transcript
from mdexp.transcripts.run_on import cut_run_on
from mdexp.transcripts.thinking import Written, split_thinking

Part = Literal["answer", "thinking"]

TRUNCATED = Done(text="", answer=None, status="truncated")
UNFINISHED = Done(
    text="",
    answer=None,
    status="unfinished_thinking",
    error="the text ends within its thinking: it needs more tokens, or a model that thinks less",
)


@dataclass(slots=True, kw_only=True)
class Walk:
    """An unfinished transcript with its thought; `done` is its outcome at the end. `part` is what
    the thought reads of each text: the answer behind the thinking, or the thinking."""

    thought: Thought
    transcript: Transcript
    seen: Seen = field(default_factory=Seen)
    done: Done | None = None
    part: Part = "answer"

    def step(self) -> Step:
        """What happens next; a text that the token budget cut short ends the transcript."""
        last = self.transcript.last
        if last.author == "writer" and not last.finished:
            return TRUNCATED
        texts = [split_thinking(segment.text) for segment in self.transcript.by("writer")]
        finished = all(text.finished for text in texts)
        step = self.thought.next(self._as_read(texts), self.seen) if finished else UNFINISHED
        if not isinstance(step, Done):
            return step
        if self.seen.expected.match and self.thought.unit == "sentence" and texts:
            step = _as_free_text(step, cut_run_on(texts[-1].answer))
        thinking = "\n".join(text.thinking for text in texts if text.thinking)
        return replace(_of_kind(step, self.seen.expected), thinking=thinking)

    def _as_read(self, texts: Sequence[Written]) -> Transcript:
        """The transcript with one part of each of its texts."""
        parts = iter(text.thinking if self.part == "thinking" else text.answer for text in texts)
        segments = tuple(
            replace(segment, text=next(parts)) if segment.author == "writer" else segment
            for segment in self.transcript.segments
        )
        return replace(self.transcript, segments=segments)

    def is_written(self) -> bool:
        """Whether no text can follow."""
        texts = self.transcript.by("writer")
        if not texts:
            return False
        return len(texts) == self.thought.max_writes or not texts[-1].finished


# Whoever writes is a function from transcripts and what is to be written next to a segment each: a
# teacher's server, recorded or given texts, the student with its sessions, a server of it.
Writer = Callable[[Sequence[tuple[Walk, Write]]], Sequence[Segment]]
Runner = Callable[[Sequence[tuple[Walk, Run]]], Sequence[ProgramResult]]


def drive(walks: Sequence[Walk], write: Writer, run: Runner, *, reads: bool = True) -> None:
    """Advance transcripts in lockstep until each is done: all pending writes are one batch, all
    pending runs another. Without `reads` they end when they are written, without the outcome of
    their last texts."""
    while under_way := [w for w in walks if w.done is None and (reads or not w.is_written())]:
        steps = [(walk, walk.step()) for walk in under_way]
        runs = [(walk, step) for walk, step in steps if isinstance(step, Run)]
        writes = [(walk, step) for walk, step in steps if isinstance(step, Write)]
        for walk, step in steps:
            if isinstance(step, Done):
                walk.done = step
        for (walk, _), result in zip(runs, run(runs) if runs else (), strict=True):
            walk.transcript = walk.transcript.after(executed(result))
        for (walk, step), text in zip(writes, write(writes) if writes else (), strict=True):
            cue = cues(walk.transcript, step)
            walk.transcript = walk.transcript.after(*cue, _turned(text, step))


def run_all(runs: Sequence[Run], executor: Executor) -> list[ProgramResult]:
    """The result of each program or system, in order. Without any, no sandbox is needed."""
    programs = [run.program for run in runs if run.program is not None]
    systems = [run.equations for run in runs if run.equations is not None]
    ran = iter(_one_each(programs, executor.run(programs) if programs else ()))
    solved = iter(_one_each(systems, executor.solve(systems) if systems else ()))
    return [_bounded(next(ran if run.program is not None else solved)) for run in runs]


def _one_each(texts: Sequence[str], results: Sequence[ProgramResult]) -> list[ProgramResult]:
    """The results; ValueError where the executor returned another number of them."""
    return [result for _, result in zip(texts, results, strict=True)]


def first_write(thought: Thought, problem: Problem) -> Write:
    """How a thought begins."""
    transcript = new_transcript(problem.question, problem_id=problem.id)
    step = thought.next(transcript, Seen(expected=problem.expected))
    assert isinstance(step, Write), "a thought begins with a text"
    return step


def cues(transcript: Transcript, step: Write) -> list[Segment]:
    """The cue of a write as segments; the first cue stands in the question's own turn."""
    if not step.cue:
        return []
    if transcript.last.author == "question":
        return [first_cue(step.cue)]
    return [Segment(author="cue", text=step.cue, turn=None if step.continues else "user")]


def executed(result: ProgramResult) -> Segment:
    """A result as a segment, without its time, which differs from run to run."""
    timeless = replace(result, seconds=0.0)
    return Segment(author="executor", text=result.stdout or result.error, result=timeless)


def written(text: str, question: str = "") -> Transcript:
    """A transcript of one text, with which a thought that writes once can be asked what is next."""
    return new_transcript(question).after(Segment(author="writer", text=text, turn="assistant"))


def conversation(transcript: Transcript) -> str:
    """The conversation after the question and its cue, turn by turn; for a single text, that
    text."""
    texts = transcript.by("writer")
    if len(texts) <= 1:
        return texts[0].text if texts else ""
    _, *turns = turns_of(transcript.segments)
    return "\n\n".join(text for _, text in turns)


def without_last_results(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments up to the writer's last text; later results can be computed again."""
    last = max((n for n, s in enumerate(segments) if s.author == "writer"), default=-1)
    return tuple(segments[: last + 1])


def _of_kind(done: Done, expected: Expected) -> Done:
    """An answer of another kind than was asked for is none: a number to a yes/no question."""
    answer = fitting(done.answer, expected)
    if answer is not None or done.answer is None:
        return replace(done, answer=answer)
    kind = expected.kind.replace("_", "/")
    error = f"the question asks for {kind}, which {str(done.answer)[:80]!r} is not"
    return replace(done, answer=None, status="no_answer", error=error)


def _as_free_text(done: Done, text: str) -> Done:
    """What prose comes to that is asked for free text: its thought looks for a number, yes or no,
    or a letter, and may find one in the words of the answer."""
    if done.is_computed or done.status not in ("ok", "no_answer"):
        return done
    reasoning, answer = stated_text(text)
    kept = reasoning if done.text == text else done.text
    status = "no_answer" if answer is None else "ok"
    return replace(done, text=kept, answer=answer, status=status)


def _turned(text: Segment, step: Write) -> Segment:
    return replace(text, turn=None if step.continues else "assistant")


def _bounded(result: ProgramResult) -> ProgramResult:
    """The result; status `no_answer` for a number of LARGEST or more."""
    if isinstance(result.answer, int | float) and not abs(result.answer) < LARGEST:
        error = f"the answer is no number below {float(LARGEST):g}"
        return replace(result, status="no_answer", answer=None, error=error)
    return result
