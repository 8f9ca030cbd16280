"""Lets a student answer problems: the greedy path of each thought, and sampled ones for the
vote."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from mdexp.config.blocks import DecodingSettings
from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.generate import batches_of_like_length, generate_answers
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest, limits_of
from mdexp.decoding.server import ask_server
from mdexp.decoding.session import EMPTY, Session
from mdexp.decoding.shares import Sharing, WriterSource, held_writer
from mdexp.decoding.student_writer import StudentWriter
from mdexp.ports import Done, Executor, Run, Thought, Write
from mdexp.ports.progress import ProgressBar
from mdexp.records import (
    ONLY_ROLE,
    Output,
    Phase,
    Problem,
    ProgramResult,
    Segment,
    Transcript,
    TranscriptKey,
    by_id,
)
from mdexp.students.roles import activate, roles_in
from mdexp.transcripts.driver import Walk, conversation, cues, drive, run_all, without_last_results
from mdexp.transcripts.opening import asked
from mdexp.transcripts.reading import seen_of
from mdexp.transcripts.thinking import AfterThinking, opening_at_end

log = logging.getLogger(__name__)


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
    assignment = Assignment(dict(thoughts), problems, decoding, dict(found), samples)
    windows = Windows(writer, assignment, executor)
    if writer.sharing and len(windows.places) >= writer.sharing.others.number:
        _write_with_others(windows, writer.sharing)
    else:
        windows.write(range(len(windows.places)))
    return windows.in_order()


@dataclass(frozen=True, slots=True)
class Assignment:
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


class Windows:
    """Transcripts in windows, each of which is written in one batch or found in the cache.
    `places[n]` are the indices of window n's transcripts."""

    def __init__(self, writer: StudentWriter, assignment: Assignment, executor: Executor) -> None:
        title = writer.title(assignment.thoughts, assignment.problems)
        self.writer, self.assignment, self.executor = writer, assignment, executor
        self.writing = Writing(writer, assignment.decoding, title)
        self.walks = assignment.walks(self.writing)
        self.places = self.writing.windows(self.walks)
        self.outputs: dict[int, Output] = {}
        self._problems = by_id(assignment.problems)

    def write(self, numbers: Sequence[int], *, shows: bool = True) -> None:
        """Write the windows with these numbers, and show the progress."""
        chosen = [self.places[number] for number in numbers]
        for window in self.writing.shown(chosen) if shows else chosen:
            written = self.writing.kept_or(window, self.walks, self._written)
            self.outputs |= zip(window, written, strict=True)

    def in_order(self) -> list[Output]:
        return [self.outputs[place] for place in range(len(self.walks))]

    def _written(self, window: Sequence[Walk]) -> list[Output]:
        drive(window, self.writing.write, self._run, reads=False)
        shots = len(self.writer.exemplars)
        return [
            _output(w.transcript, self._problems[w.transcript.problem_id], self.writer.phase, shots)
            for w in window
        ]

    def _run(self, runs: Sequence[tuple[Walk, Run]]) -> Sequence[ProgramResult]:
        return run_all([step for _, step in runs], self.executor)


def _write_with_others(windows: Windows, sharing: Sharing) -> None:
    """Each rank writes every n-th window; the others' are then found among what was kept."""
    ranks, everything = sharing.others.number, range(len(windows.places))
    log.info("%d ranks share %d windows", ranks, len(everything))
    writer = windows.writer
    assert writer.work.kept, "a stage that shares its writing keeps it"
    arguments = {
        "ranks": ranks,
        "source": sharing.source,
        "exemplars": writer.exemplars,
        "open_executor": sharing.open_executor,
        "assignment": windows.assignment,
    }
    with sharing.others.working(_write_share, arguments) as stats:
        windows.write(everything[::ranks])
    for other in stats:
        writer.work.add(other)
    writer.work.kept.read()
    windows.write([number for number in everything if number % ranks])


def _write_share(
    rank: int,
    ranks: int,
    source: WriterSource,
    exemplars: Sequence[Mapping[str, Any]],
    open_executor: Callable[[], AbstractContextManager[Executor]],
    assignment: Assignment,
) -> DecodeStats:
    """Write the share of a rank other than 0; returns what it computed."""
    work = source.stats(rank)
    writer = replace(held_writer(source, rank), exemplars=exemplars, work=work)
    with open_executor() as executor:
        windows = Windows(writer, assignment, executor)
        windows.write(range(rank, len(windows.places), ranks), shows=False)
    work.kept = None  # rank 0 reads the files
    return work


@dataclass(slots=True)
class Writing:
    """A student that writes the pending texts of transcripts, one window at a time.

    A window is a batch of first texts. The cache of a transcript's texts is kept until it ends.
    `title` begins the lines of progress.
    """

    writer: StudentWriter
    decoding: DecodingSettings
    title: str
    prompts: dict[tuple[str, str], str] = field(default_factory=dict)
    # By the id of their walk and the role that read them, since another adapter computes other keys
    # and values.
    texts: dict[int, tuple[str, CachedText]] = field(default_factory=dict)
    roles: frozenset[str] = field(init=False)  # that have an adapter each; none: one student

    def __post_init__(self) -> None:
        self.roles = roles_in(self.writer.model)

    @property
    def is_served(self) -> bool:
        """Whether a server of the student writes."""
        return self.decoding.engine == "openai"

    def walk(
        self,
        problem: Problem,
        name: str,
        thought: Thought,
        sample: int,
        found: Mapping[TranscriptKey, Done],
    ) -> Walk:
        """A transcript that is not yet written."""
        names = (problem.id, name)
        if names not in self.prompts:
            prompt = self.writer.renderer.prompt(problem.question, thought, self.writer.exemplars)
            self.prompts[names] = prompt
        return Walk(
            thought=thought,
            transcript=Transcript(
                problem_id=problem.id,
                thought=name,
                sample=sample,
                segments=(asked(problem.question),),
            ),
            seen=seen_of(TranscriptKey(*names, sample, self.writer.phase), problem, thought, found),
        )

    def windows(self, walks: Sequence[Walk]) -> list[list[int]]:
        """The transcripts that are written together; a server takes all."""
        if self.is_served:
            return [list(range(len(walks)))]
        return batches_of_like_length(self._first(walks), self.decoding.batch_size)

    def shown(self, windows: Sequence[list[int]]) -> Iterator[list[int]]:
        """Yield windows and show the progress; for a server, `_answers` does that."""
        if self.is_served:
            yield from windows
            return
        with ProgressBar(sum(map(len, windows)), self.title, "answers", log) as progress:
            for window in windows:
                yield window
                progress.advance(len(window))

    def kept_or(
        self,
        window: Sequence[int],
        walks: Sequence[Walk],
        write: Callable[[Sequence[Walk]], list[Output]],
    ) -> list[Output]:
        """The outputs of a window; answers of a server are kept one by one."""
        ours = [walks[place] for place in window]
        if self.is_served:
            return write(ours)
        limits = limits_of(self.decoding)
        return self.writer.work.kept_or(self._first(ours), limits, Output, partial(write, ours))

    def write(self, pending: Sequence[tuple[Walk, Write]]) -> list[Segment]:
        """The next text of each transcript, in order; those of one role are written together."""
        found: dict[int, Segment] = {}
        for role in dict.fromkeys(self._role(step) for _, step in pending):
            places = [n for n, (_, step) in enumerate(pending) if self._role(step) == role]
            if self.roles:
                activate(self.writer.model, role)
            texts = self._written([pending[n] for n in places], role)
            found |= zip(places, texts, strict=True)
        return [found[n] for n in range(len(pending))]

    def _role(self, step: Write) -> str:
        """Whose adapter writes; one student writes as one role, whatever a text is."""
        return step.role if self.roles else ONLY_ROLE

    def _written(self, pending: Sequence[tuple[Walk, Write]], role: str) -> list[Segment]:
        requests = [self._request(walk.transcript, step) for walk, step in pending]
        spent = [_num_tokens(walk.transcript) for walk, _ in pending]
        most = self.decoding.max_new_tokens
        limits = limits_of(self.decoding, max_new_tokens=max(1, most - min(spent)))
        answers = self._answers([walk for walk, _ in pending], requests, limits, role)
        # With the opening tag at the end of its prompt, so that the text can be read alone.
        return [
            _segment(answered, self._opening(walk.transcript), most - used, role)
            for (walk, _), answered, used in zip(pending, answers, spent, strict=True)
        ]

    def _answers(
        self,
        walks: Sequence[Walk],
        requests: Sequence[DecodingRequest],
        limits: DecodingLimits,
        role: str,
    ) -> list[Answered]:
        """Answers of the trained student's server, else of this process, in a session if texts are
        continued."""
        w = self.writer
        if self.is_served:
            urls, served = self.decoding.base_urls(), self.decoding.served
            assert urls and served, "judged"
            found = {}
            with ProgressBar(len(requests), self.title, "texts", log) as progress:
                for i, text in ask_server(urls, served, w.renderer, requests, limits, w.work):
                    found[i] = text
                    progress.advance()
            return [found[i] for i in range(len(requests))]
        if all(walk.thought.max_writes == 1 for walk in walks):
            found = dict(generate_answers(w.model, w.renderer, requests, limits, w.work))
            return [found[i] for i in range(len(requests))]
        kept = [self.texts.pop(id(walk), (role, EMPTY)) for walk in walks]
        texts = [text if reader == role else EMPTY for reader, text in kept]
        written = Session(w.model, w.renderer, w.work).write(requests, texts, limits)
        self.texts |= {
            id(walk): (role, text)
            for walk, (_, text) in zip(walks, written, strict=True)
            if len(walk.transcript.by("writer")) + 1 < walk.thought.max_writes
        }
        return [answered for answered, _ in written]

    def _first(self, walks: Sequence[Walk]) -> list[DecodingRequest]:
        steps = [walk.step() for walk in walks]
        return [
            self._request(walk.transcript, step)
            for walk, step in zip(walks, steps, strict=True)
            if isinstance(step, Write)
        ]

    def _request(self, transcript: Transcript, step: Write) -> DecodingRequest:
        names = (transcript.problem_id, transcript.thought)
        stream = f"{self.writer.seed}/{names[0]}/{names[1]}/{transcript.sample}"
        if part := len(transcript.by("writer")):
            stream = f"{stream}/part {part}"
        return DecodingRequest(
            prompt_ids=self._prompt_ids(transcript, step, self.prompts[names]),
            problem=transcript.problem_id,
            stop=AfterThinking(step.stop, self._opening(transcript)),
            sample=transcript.sample,
            stream=stream,
        )

    def _opening(self, transcript: Transcript) -> str:
        """The opening tag of thinking with which a first prompt ends; mostly empty."""
        if transcript.last.author != "question":
            return ""
        return opening_at_end(self.prompts[transcript.problem_id, transcript.thought])

    def _prompt_ids(self, transcript: Transcript, step: Write, prompt: str) -> list[int]:
        renderer = self.writer.renderer
        if transcript.last.author == "question":
            return renderer.prompt_ids(prompt)
        segments = (*transcript.segments, *cues(transcript, step))
        if renderer.kind == "seq2seq":
            return renderer.prompt_ids(renderer.opening(segments))
        first = next(n for n, segment in enumerate(segments) if segment.author == "writer")
        rendered = renderer.rendered(prompt, segments[first:], ends=False, splits=True)
        self.writer.work.split_tokens += rendered.num_split
        return rendered.ids


def _num_tokens(transcript: Transcript) -> int:
    return sum(segment.num_tokens for segment in transcript.by("writer"))


def _segment(answered: Answered, opening: str, room: int, role: str) -> Segment:
    """A text of the student after its opening tag; one that exceeds the tokens left to its
    transcript is cut short."""
    return Segment(
        author="writer",
        role=role,
        text=opening + answered.text,
        num_tokens=answered.num_tokens,
        finished=answered.finished and answered.num_tokens <= room,
        logprob=answered.logprob,
    )


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
        num_tokens=_num_tokens(transcript),
        finished=texts[-1].finished,
        logprob=_mean_logprob(texts),
        segments=segments,
    )


def _mean_logprob(texts: Sequence[Segment]) -> float | None:
    """The mean over all tokens of a transcript; None if it is not known for each."""
    known = [text.logprob for text in texts if text.logprob is not None]
    if len(known) < len(texts):
        return None
    if len(texts) == 1:
        return round(known[0], 6)
    tokens = [max(1, text.num_tokens) for text in texts]
    return round(sum(p * n for p, n in zip(known, tokens, strict=True)) / sum(tokens), 6)
