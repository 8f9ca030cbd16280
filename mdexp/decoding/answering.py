"""Lets a student answer problems: the greedy path of each thought, and sampled ones for the
vote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mdexp.config.blocks import DecodingSettings
from mdexp.decoding.sharing import write_all
from mdexp.decoding.student_writer import StudentWriter
from mdexp.decoding.writing import Writing, num_tokens
from mdexp.ports import Done, Executor, Run, Thought
from mdexp.records import (
    Output,
    Phase,
    Problem,
    ProgramResult,
    Segment,
    Transcript,
    TranscriptKey,
    by_id,
)
from mdexp.transcripts.driver import Walk, conversation, drive, run_all, without_last_results


def answer(
    writer: StudentWriter,
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    *,
    decoding: DecodingSettings,
    executor: Executor,
    found: Mapping[TranscriptKey, Done] = MappingProxyType({}),
    samples: Sequence[int] | None = None,
) -> list[Output]:
    """One output per (problem, thought, sample), in that order. Of each thought `samples` are
    written, else 0 to `num_paths`, of validation problems to `validation_paths`. `found`: outcomes
    of thoughts that are read."""
    asked = _Asked(dict(thoughts), problems, decoding, dict(found), samples)
    return write_all(asked, writer, executor).in_order()


@dataclass(frozen=True, slots=True)
class _Asked:
    """The arguments of `answer`, which can be pickled."""

    thoughts: Mapping[str, Thought]
    problems: Sequence[Problem]
    decoding: DecodingSettings
    found: Mapping[TranscriptKey, Done]
    samples: Sequence[int] | None

    def walks(self, writing: "Writing") -> list[Walk]:
        """The transcripts to write, by problem, thought and sample."""
        return [
            writing.walk(problem, name, thought, sample, self.found)
            for problem in self.problems
            for name, thought in self.thoughts.items()
            for sample in self.samples or range(1 + self.decoding.num_samples(problem.split))
        ]

    def windows(self, writer: StudentWriter, executor: Executor) -> "_Windows":
        return _Windows(writer, self, executor)


class _Windows:
    """Transcripts in windows, each of which is written in one batch or found in the cache.
    `places[n]` are the indices of window n's transcripts."""

    def __init__(self, writer: StudentWriter, asked: _Asked, executor: Executor) -> None:
        title = writer.title(asked.thoughts, asked.problems)
        self.writer, self.executor = writer, executor
        self.writing = Writing(writer, asked.decoding, title)
        self.walks = asked.walks(self.writing)
        self.places = self.writing.windows(self.walks)
        self.outputs: dict[int, Output] = {}
        self._problems = by_id(asked.problems)

    @property
    def number(self) -> int:
        return len(self.places)

    def write(self, numbers: Sequence[int], *, shows: bool = True) -> None:
        chosen = [self.places[number] for number in numbers]
        for window in self.writing.shown(chosen) if shows else chosen:
            written = self.writing.kept_or(window, self.walks, self._written)
            self.outputs |= zip(window, written, strict=True)

    def in_order(self) -> list[Output]:
        return [self.outputs[place] for place in range(len(self.walks))]

    def _written(self, window: Sequence[Walk]) -> list[Output]:
        drive(window, self.writing.write, self._run, reads=False)
        self.writing.forget()
        shots = len(self.writer.exemplars)
        return [
            _output(w.transcript, self._problems[w.transcript.problem_id], self.writer.phase, shots)
            for w in window
        ]

    def _run(self, runs: Sequence[tuple[Walk, Run]]) -> Sequence[ProgramResult]:
        return run_all([step for _, step in runs], self.executor)


def _output(transcript: Transcript, problem: Problem, phase: Phase, num_shots: int) -> Output:
    texts = transcript.by("writer")
    segments = without_last_results(transcript.segments[1:]) if len(texts) > 1 else ()
    return Output(
        problem_id=problem.id,
        dataset=problem.dataset,
        split=problem.split,
        phase=phase,
        thought=transcript.thought,
        sample=transcript.sample,
        num_shots=num_shots,
        text=conversation(transcript),
        num_tokens=num_tokens(transcript),
        finished=texts[-1].finished,
        logprob=_mean_logprob(texts),
        segments=segments,
    )


def _mean_logprob(texts: Sequence[Segment]) -> float | None:
    """The mean over all tokens of a transcript; None if it is not known for each. A text for which
    no budget was left has none."""
    texts = [text for text in texts if text.num_tokens] or texts
    known = [text.logprob for text in texts if text.logprob is not None]
    if len(known) < len(texts):
        return None
    if len(texts) == 1:
        return round(known[0], 6)
    tokens = [max(1, text.num_tokens) for text in texts]
    return round(sum(p * n for p, n in zip(known, tokens, strict=True)) / sum(tokens), 6)
