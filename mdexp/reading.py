"""From transcripts to answers: a thought is walked over what was said, and its programs are run.

Teacher paths (verify) and student outputs (score) are read by `read_all`, so that a path is kept by
the same reading by which a generation is graded later. `drive` makes new transcripts.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mdexp.answers import LARGEST
from mdexp.ports import Done, Executor, Run, Seen, Step, Thought, Write
from mdexp.records import Output, Path, Problem, ProgramResult, Segment, Transcript

TRUNCATED = Done(text="", answer=None, status="truncated")


@dataclass(slots=True, kw_only=True)
class Walk:
    """A transcript under way with its thought; `done` once it has come to its end."""

    thought: Thought
    transcript: Transcript
    seen: Seen = field(default_factory=Seen)
    done: Done | None = None

    def step(self) -> Step:
        """What happens next; a text that the token budget cut short ends the transcript."""
        last = self.transcript.last
        if last.author == "writer" and not last.finished:
            return TRUNCATED
        return self.thought.next(self.transcript, self.seen)


Writes = Callable[[Sequence[tuple[Walk, Write]]], Sequence[Segment]]
Runs = Callable[[Sequence[tuple[Walk, Run]]], Sequence[ProgramResult]]


def drive(walks: Sequence[Walk], write: Writes, run: Runs) -> None:
    """Advance transcripts in lockstep until each is done: all pending writes are one batch, all
    pending runs another."""
    while under_way := [walk for walk in walks if walk.done is None]:
        steps = [(walk, walk.step()) for walk in under_way]
        runs = [(walk, step) for walk, step in steps if isinstance(step, Run)]
        writes = [(walk, step) for walk, step in steps if isinstance(step, Write)]
        for walk, step in steps:
            if isinstance(step, Done):
                walk.done = step
        for (walk, _), result in zip(runs, run(runs) if runs else (), strict=True):
            walk.transcript = walk.transcript.after(_executed(result))
        for (walk, step), text in zip(writes, write(writes) if writes else (), strict=True):
            cue = cues(walk.transcript, step)
            walk.transcript = walk.transcript.after(*cue, _turned(text, step))


def read_all(walks: Sequence[Walk], executor: Executor) -> list[Done]:
    """What written transcripts come to, in order; their last programs are run in one batch.

    Of a transcript, the texts of its writer count, and the results that its writer went on from. A
    transcript that lacks a text which its thought asks for is `truncated`.
    """
    told = {id(walk): deque[Segment]() for walk in walks}
    afresh = []
    for walk in walks:
        question, *said = walk.transcript.segments
        new = replace(walk, transcript=replace(walk.transcript, segments=(question,)), done=None)
        told[id(new)] = deque(s for s in said if s.author in ("writer", "executor"))
        afresh.append(new)

    def write(writes: Sequence[tuple[Walk, Write]]) -> list[Segment]:
        return [_next_text(told[id(walk)]) for walk, _ in writes]

    def run(runs: Sequence[tuple[Walk, Run]]) -> list[ProgramResult]:
        seen = [_next_result(told[id(walk)]) for walk, _ in runs]
        pairs = zip(runs, seen, strict=True)
        new = iter(run_all([step for (_, step), result in pairs if result is None], executor))
        return [next(new) if result is None else result for result in seen]

    drive(afresh, write, run)
    return [walk.done or TRUNCATED for walk in afresh]


def run_all(runs: Sequence[Run], executor: Executor) -> list[ProgramResult]:
    """The result of each program or system, in order. Without any, no sandbox is needed."""
    programs = [run.program for run in runs if run.program is not None]
    systems = [run.equations for run in runs if run.equations is not None]
    ran = iter(executor.run(programs) if programs else ())
    solved = iter(executor.solve(systems) if systems else ())
    return [_bounded(next(ran if run.program is not None else solved)) for run in runs]


def cues(transcript: Transcript, step: Write) -> list[Segment]:
    """The cue of a write as segments; the first cue stands in the question's own turn."""
    if not step.cue:
        return []
    if transcript.last.author == "question":
        return [Segment(author="cue", text=f"\n{step.cue}")]
    return [Segment(author="cue", text=step.cue, turn=None if step.continues else "user")]


def walk_of(row: Path | Output, problem: Problem, thought: Thought) -> Walk:
    """The walk of a thought over what a teacher or a student wrote."""
    said = row.segments or (Segment(author="writer", text=row.text),)
    return Walk(
        thought=thought,
        transcript=Transcript(
            problem_id=row.problem_id,
            thought=row.thought,
            sample=row.sample,
            segments=(asked(problem.question), *said),
        ),
        seen=Seen(expected=problem.expected),
    )


def first_write(thought: Thought, problem: Problem) -> Write:
    """How a thought begins."""
    transcript = Transcript(
        problem_id=problem.id, thought="", sample=0, segments=(asked(problem.question),)
    )
    step = thought.next(transcript, Seen(expected=problem.expected))
    assert isinstance(step, Write), "a thought begins with a text"
    return step


def written(text: str, question: str = "") -> Transcript:
    """A transcript of one text, with which a thought that writes once can be asked what is next."""
    segments = (asked(question), Segment(author="writer", text=text, turn="assistant"))
    return Transcript(problem_id="", thought="", sample=0, segments=segments)


def asked(question: str) -> Segment:
    """A question as the first segment of a transcript."""
    return Segment(author="question", text=question, turn="user")


def without_last_results(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments up to the last text of a writer: results behind it can be found again."""
    last = max((n for n, s in enumerate(segments) if s.author == "writer"), default=-1)
    return tuple(segments[: last + 1])


def _turned(text: Segment, step: Write) -> Segment:
    return replace(text, turn=None if step.continues else "assistant", role=step.role)


def _executed(result: ProgramResult) -> Segment:
    return Segment(author="executor", text=result.stdout or result.error, result=result)


def _next_text(told: deque[Segment]) -> Segment:
    while told:
        if (segment := told.popleft()).author == "writer":
            return segment
    return Segment(author="writer", text="", finished=False)


def _next_result(told: deque[Segment]) -> ProgramResult | None:
    return told.popleft().result if told and told[0].author == "executor" else None


def _bounded(result: ProgramResult) -> ProgramResult:
    """A number that is too large to be an answer is none."""
    if isinstance(result.answer, int | float) and not abs(result.answer) < LARGEST:
        error = f"the answer is no number below {float(LARGEST):g}"
        return replace(result, status="no_answer", answer=None, error=error)
    return result
