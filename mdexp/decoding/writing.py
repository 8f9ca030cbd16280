"""How a student writes the texts of transcripts: prompts, windows, roles, sessions, servers."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from mdexp.config.blocks import DecodingSettings
from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.generate import batches_of_like_length, generate_answers
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest, limits_of
from mdexp.decoding.server import ask_server
from mdexp.decoding.session import EMPTY
from mdexp.decoding.student_writer import StudentWriter
from mdexp.ports import Done, Thought, Write
from mdexp.ports.progress import ProgressBar, with_progress
from mdexp.records import (
    ONLY_ROLE,
    Output,
    Problem,
    Segment,
    Transcript,
    TranscriptKey,
)
from mdexp.students.roles import activate, roles_in
from mdexp.transcripts.driver import Walk, cues
from mdexp.transcripts.opening import asked
from mdexp.transcripts.reading import seen_of
from mdexp.transcripts.thinking import AfterThinking, opening_at_end

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Writing:
    """A student that writes the pending texts of transcripts, one window at a time.

    A window is a batch of first texts. The caches of its transcripts are kept until it is
    written (`forget`).
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

    def shown(self, windows: Sequence[list[int]]) -> Iterable[list[int]]:
        """The windows, while the progress is shown; for a server, `_answers` does that."""
        return windows if self.is_served else with_progress(windows, self.title, "answers", log)

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

    def forget(self) -> None:
        """Free the caches of transcripts that were written."""
        self.texts.clear()

    def _role(self, step: Write) -> str:
        """Whose adapter writes; one student writes as one role, whatever a text is."""
        return step.role if self.roles else ONLY_ROLE

    def _written(self, pending: Sequence[tuple[Walk, Write]], role: str) -> list[Segment]:
        most = self.decoding.max_new_tokens
        left = [most - num_tokens(walk.transcript) for walk, _ in pending]
        asked = [pair for pair, room in zip(pending, left, strict=True) if room > 0]
        requests = [
            replace(self._request(walk.transcript, step), max_new_tokens=room)
            for (walk, step), room in zip(pending, left, strict=True)
            if room > 0
        ]
        limits = limits_of(self.decoding, max_new_tokens=max(1, *left))
        answers = iter(self._answers([walk for walk, _ in asked], requests, limits, role))
        # With the opening tag at the end of its prompt, so that the text can be read alone. Where
        # nothing is left of the budget, the text is empty and unfinished.
        return [
            _segment(next(answers) if room > 0 else Answered(), self._opening(w.transcript), role)
            for (w, _), room in zip(pending, left, strict=True)
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
        written = w.session().write(requests, texts, limits)
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


def num_tokens(transcript: Transcript) -> int:
    return sum(segment.num_tokens for segment in transcript.by("writer"))


def _segment(answered: Answered, opening: str, role: str) -> Segment:
    """A text of the student after its opening tag."""
    return Segment(
        author="writer",
        role=role,
        text=opening + answered.text,
        num_tokens=answered.num_tokens,
        finished=answered.finished,
        logprob=answered.logprob,
    )
