"""Problems put to a student: the greedy path of each thought, and sampled ones for the vote."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mdexp.config.blocks import DecodingSettings
from mdexp.decoding.decode_stats import Work
from mdexp.decoding.generate import generate_answers
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.decoding.server import ask_server
from mdexp.driver import Walk, conversation, cues, drive, run_all, without_last_results
from mdexp.ports import Done, Executor, Run, Thought, Write
from mdexp.reading import TranscriptKey, seen_of
from mdexp.records import Output, Phase, Problem, ProgramResult, Segment, Transcript
from mdexp.students.prompts import Renderer
from mdexp.thoughts.opening import asked
from mdexp.thoughts.thinking import AfterThinking, opening_at_end

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

LOG_EVERY = 500  # answers


def answer(
    model: "PreTrainedModel",
    renderer: Renderer,
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    exemplars: Sequence[Mapping[str, Any]],
    *,
    decoding: DecodingSettings,
    phase: Phase,
    seed: int,
    executor: Executor,
    work: Work | None = None,
    found: Mapping[TranscriptKey, Done] = MappingProxyType({}),
) -> list[Output]:
    """One output per (problem, thought, sample), in that order. Only test problems are sampled:
    validation needs the greedy paths alone. `found`: outcomes of thoughts that these read."""
    writing = Writing(model, renderer, exemplars, decoding, phase, seed, work or Work())
    walks = [
        writing.walk(problem, name, thoughts[name], sample, found)
        for problem in problems
        for name in thoughts
        for sample in range(1 + (decoding.num_paths if problem.split == "test" else 0))
    ]

    def run(runs: Sequence[tuple[Walk, Run]]) -> Sequence[ProgramResult]:
        return run_all([step for _, step in runs], executor)

    drive(walks, writing.write, run, reads=False)
    problem_of = {problem.id: problem for problem in problems}
    return [
        _output(walk.transcript, problem_of[walk.transcript.problem_id], phase, len(exemplars))
        for walk in walks
    ]


@dataclass(slots=True)
class Writing:
    """A student that writes the pending texts of transcripts, all of them in one go."""

    model: "PreTrainedModel"
    renderer: Renderer
    exemplars: Sequence[Mapping[str, Any]]
    decoding: DecodingSettings
    phase: Phase
    seed: int
    work: Work
    prompts: dict[tuple[str, str], str] = field(default_factory=dict)

    def walk(
        self,
        problem: Problem,
        name: str,
        thought: Thought,
        sample: int,
        found: Mapping[TranscriptKey, Done],
    ) -> Walk:
        """A transcript yet to be written."""
        names = (problem.id, name)
        if names not in self.prompts:
            prompt = self.renderer.prompt(problem.question, thought, self.exemplars)
            self.prompts[names] = prompt
        return Walk(
            thought=thought,
            transcript=Transcript(
                problem_id=problem.id,
                thought=name,
                sample=sample,
                segments=(asked(problem.question),),
            ),
            seen=seen_of(TranscriptKey(*names, sample, self.phase), problem, thought, found),
        )

    def write(self, pending: Sequence[tuple[Walk, Write]]) -> list[Segment]:
        """The next text of each transcript, in order."""
        requests = [self._request(walk.transcript, step) for walk, step in pending]
        spent = [_num_tokens(walk.transcript) for walk, _ in pending]
        most = self.decoding.max_new_tokens
        limits = limits_of(self.decoding, max_new_tokens=max(1, most - min(spent)))
        texts = [Segment(author="writer", text="")] * len(requests)
        answered = _answered(
            self.model, self.renderer, requests, self.decoding, limits, self.phase, self.work
        )
        for number, (index, written) in enumerate(answered, start=1):
            # With the opening tag that its prompt holds, so that the text can be read alone.
            written.text = self._opening(pending[index][0].transcript) + written.text
            texts[index] = _segment(written, most - spent[index])
            if number % LOG_EVERY == 0 or number == len(requests):
                log.info("answered %d of %d", number, len(requests))
        return texts

    def _request(self, transcript: Transcript, step: Write) -> DecodingRequest:
        names = (transcript.problem_id, transcript.thought)
        stream = f"{self.seed}/{names[0]}/{names[1]}/{transcript.sample}"
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
        """The tag that opens thinking with which the prompt of a first text ends; mostly none."""
        if transcript.last.author != "question":
            return ""
        return opening_at_end(self.prompts[transcript.problem_id, transcript.thought])

    def _prompt_ids(self, transcript: Transcript, step: Write, prompt: str) -> list[int]:
        if transcript.last.author == "question":
            return self.renderer.prompt_ids(prompt)
        segments = (*transcript.segments, *cues(transcript, step))
        if self.renderer.kind == "seq2seq":
            return self.renderer.prompt_ids(self.renderer.opening(segments))
        first = next(n for n, segment in enumerate(segments) if segment.author == "writer")
        rendered = self.renderer.rendered(prompt, segments[first:], ends=False, splits=True)
        self.work.split_tokens += rendered.num_split
        return rendered.ids


def _answered(
    model: "PreTrainedModel",
    renderer: Renderer,
    requests: Sequence[DecodingRequest],
    decoding: DecodingSettings,
    limits: DecodingLimits,
    phase: Phase,
    work: Work,
) -> Iterator[tuple[int, Answered]]:
    """By this process, or by the server of a trained student."""
    if decoding.engine == "local" or phase == "before":
        return generate_answers(model, renderer, requests, limits, work)
    assert decoding.base_url and decoding.served, "judged"
    return ask_server(decoding.base_url, decoding.served, renderer, requests, limits, work)


def limits_of(decoding: DecodingSettings, max_new_tokens: int | None = None) -> DecodingLimits:
    return DecodingLimits(
        max_new_tokens=max_new_tokens or decoding.max_new_tokens,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        batch_size=decoding.batch_size,
    )


def _num_tokens(transcript: Transcript) -> int:
    return sum(segment.num_tokens for segment in transcript.by("writer"))


def _segment(answered: Answered, room: int) -> Segment:
    """A text of the student; one that takes more tokens than its transcript has is cut short."""
    return Segment(
        author="writer",
        text=answered.text,
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
    """Of all tokens of a transcript; None where it is not known of each."""
    known = [text.logprob for text in texts if text.logprob is not None]
    if len(known) < len(texts):
        return None
    if len(texts) == 1:
        return round(known[0], 6)
    tokens = [max(1, text.num_tokens) for text in texts]
    return round(sum(p * n for p, n in zip(known, tokens, strict=True)) / sum(tokens), 6)
