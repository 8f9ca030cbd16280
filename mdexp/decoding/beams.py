"""Step-wise beams as a decoder: the weights that do best on validation problems rank the beams of
test problems."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from mdexp.config.blocks import BeamSettings, DecodingSettings
from mdexp.decoding.choosing import choose_outputs
from mdexp.decoding.request import DecodingRequest, limits_of
from mdexp.decoding.straight import StraightDecoding
from mdexp.ports import Done, Executor, Thought
from mdexp.ports.progress import with_progress
from mdexp.records import Output, Problem, TranscriptKey
from mdexp.transcripts.driver import first_write
from mdexp.transcripts.thinking import AfterThinking, opening_at_end

if TYPE_CHECKING:
    from mdexp.decoding.beam_state import Asked, Beam, Search, Weights
    from mdexp.decoding.prefix_scores import PrefixScores
    from mdexp.decoding.student_writer import StudentWriter

log = logging.getLogger(__name__)

Counts = dict[str, Any]


class StepwiseBeams(DecodingSettings):
    """The best beam of each (problem, thought) is sample 0, the next `num_paths` follow it."""

    beam: BeamSettings

    @model_validator(mode="after")
    def _beams_suffice(self) -> Self:
        if self.engine != "local":
            raise ValueError("beam needs engine=local: a server does not stop at steps")
        for name in ("num_paths", "validation_paths"):
            if (number := getattr(self, name)) >= self.beam.width:
                raise ValueError(
                    f"{name}={number} takes that many beams beside the best, "
                    f"beam.width={self.beam.width} leaves {self.beam.width - 1}"
                )
        return self

    def why_not(self, thoughts: Mapping[str, Thought], kind: str) -> str | None:
        if kind != "causal":
            return f"beam continues a text, which a {kind} student cannot"
        for name, thought in thoughts.items():
            cannot = f"has up to {thought.max_writes}" if thought.max_writes > 1 else ""
            if thought.reads:
                cannot = f"reads {', '.join(thought.reads)}"
            if cannot:
                return (
                    f"beam grows one text by itself; thought={name} {cannot}; leave it out or "
                    "choose decoding=default"
                )
        return None

    @property
    def asks_scorer(self) -> bool:
        return any(any(weights[4:]) for weights in self.beam.weights)

    def untrained(self) -> StraightDecoding:
        return StraightDecoding(**self.model_dump(exclude={"beam"}))

    def with_choice(self, counts: Mapping[str, Any]) -> "StepwiseBeams":
        if (weights := counts.get("weights")) is None:
            return self
        beam = self.beam.model_copy(update={"weights": (tuple(weights),)})
        return self.model_copy(update={"beam": beam})

    def solve(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        writer: "StudentWriter",
        executor: Executor,
        found: Mapping[TranscriptKey, Done],
    ) -> tuple[list[Output], Counts]:
        """Outputs, and by thought what each choice of weights solved on validation, the one taken,
        and the steps tried."""
        outputs: list[Output] = []
        counts: Counts = {}
        for name, thought in thoughts.items():
            read = writer.work.read_by_scorer
            grown, counts[name] = _Growth(self, writer, name, thought, executor).solve(problems)
            if self.asks_scorer:
                counts[name]["tokens read by the scorer"] = writer.work.read_by_scorer - read
            outputs += grown
        return outputs, counts


@dataclass(slots=True)
class _Found:
    """The outcome of one search; it can be read from JSON."""

    weights: tuple[float, ...]
    outputs: list[Output]

    def __post_init__(self) -> None:
        self.weights = tuple(self.weights)
        self.outputs = [Output(**o) if isinstance(o, dict) else o for o in self.outputs]


@dataclass(frozen=True, slots=True)
class _Growth:
    """One thought, step by step."""

    decoding: StepwiseBeams
    writer: "StudentWriter"
    name: str
    thought: Thought
    executor: Executor

    def solve(self, problems: Sequence[Problem]) -> tuple[list[Output], Counts]:
        validation = [problem for problem in problems if problem.split == "validation"]
        rest = [problem for problem in problems if problem.split != "validation"]
        # Without validation problems the first weights are used.
        options = self.decoding.beam.weights[: None if validation else 1]
        tried = self.search(validation, options)
        thoughts, readings = {self.name: self.thought}, self.writer.readings
        choice = choose_outputs(tried, validation, thoughts, self.executor, readings=readings)
        log.info(
            "%s: beams by weights %s of run, new, use, relevance, score",
            self.name,
            list(choice.best),
        )
        outputs = tried[choice.best] + self.search(rest, [choice.best])[choice.best]
        return outputs, {
            "solved on validation by weights": {str(list(w)): n for w, n in choice.solved.items()},
            "weights": list(choice.best),
            "steps": _tally(outputs),
        }

    def search(
        self, problems: Sequence[Problem], options: Sequence["Weights"]
    ) -> dict["Weights", list[Output]]:
        """The outputs with each choice of weights; all are searched at the same time."""
        from mdexp.decoding.sharing import write_all

        asked = _Beams(self.decoding, self.name, self.thought, problems, options)
        return write_all(asked, self.writer, self.executor).in_order()


@dataclass(frozen=True, slots=True)
class _Beams:
    """The beams of one thought, as they are asked for."""

    decoding: StepwiseBeams
    name: str
    thought: Thought
    problems: Sequence[Problem]
    options: Sequence["Weights"]

    def windows(self, writer: "StudentWriter", executor: Executor) -> "_Windows":
        return _Windows(self, writer, executor)


class _Windows:
    """Beams in windows of problems whose open beams together fill a batch of rows."""

    def __init__(self, asked: _Beams, writer: "StudentWriter", executor: Executor) -> None:
        self.decoding, self.name, self.thought = asked.decoding, asked.name, asked.thought
        self.options, self.writer, self.executor = asked.options, writer, executor
        self.limits = limits_of(self.decoding)
        size = max(1, self.decoding.batch_size // (self.decoding.beam.width * len(self.options)))
        starts = range(0, len(asked.problems), size)
        self.problems = [asked.problems[start : start + size] for start in starts]
        self.title = writer.title([self.name], asked.problems)
        self.scores = self._scores()
        self.found: dict[int, list[_Found]] = {}  # by window

    @property
    def number(self) -> int:
        return len(self.problems)

    def write(self, numbers: Sequence[int], *, shows: bool = True) -> None:
        windows = [self.problems[number] for number in numbers]
        chosen = with_progress(windows, self.title, "problems", log) if shows else windows
        self.found |= zip(numbers, map(self._written, chosen), strict=True)

    def in_order(self) -> dict["Weights", list[Output]]:
        """By weights, the outputs of each problem in turn."""
        outputs: dict[Weights, list[Output]] = {weights: [] for weights in self.options}
        for number in range(self.number):
            for one in self.found[number]:
                outputs[one.weights] += one.outputs
        return outputs

    def _written(self, window: Sequence[Problem]) -> list[_Found]:
        asked = [self._asked(problem, weights) for weights in self.options for problem in window]
        named = [
            DecodingRequest(
                prompt_ids=a.prompt_ids,
                problem=a.problem,
                stop=a.stop,
                sample=0,
                stream=f"{a.stream}/weights {list(a.weights)}",
            )
            for a in asked
        ]
        grow = partial(self._grown, list(window) * len(self.options), asked)
        return self.writer.work.kept_or(named, self.limits, _Found, grow)

    def _grown(self, problems: Sequence[Problem], asked: Sequence["Asked"]) -> list[_Found]:
        from mdexp.decoding.continuous_batch import ContinuousBatch
        from mdexp.decoding.relevance import relevance
        from mdexp.decoding.stepwise import search

        writer = self.writer
        batch = ContinuousBatch(writer.model, writer.renderer, writer.work, self.limits)
        near = partial(relevance, writer.model, writer.renderer)
        read = self.scores.reader.num_tokens if self.scores else 0
        searches = search(
            batch, asked, self.decoding.beam, self.limits, self.executor, near, self.scores
        )
        if self.scores:
            writer.work.read_by_scorer += self.scores.reader.num_tokens - read
        return [
            _Found(s.asked.weights, _outputs(problem, self.name, s, self.decoding))
            for problem, s in zip(problems, searches, strict=True)
        ]

    def _scores(self) -> "PrefixScores | None":
        """The run's scorer, where a choice of weights asks it."""
        if not self.decoding.asks_scorer:
            return None
        from mdexp.decoding.prefix_scores import PrefixScores

        model, head = self.writer.model, self.writer.head
        assert head is not None, "judged"
        return PrefixScores(model, head, self.writer.renderer.tokenizer.eos_token_id)

    def _asked(self, problem: Problem, weights: "Weights") -> "Asked":
        from mdexp.decoding.beam_state import Asked

        renderer = self.writer.renderer
        prompt = renderer.prompt(problem.question, self.thought)
        return Asked(
            question=problem.question,
            problem=problem.id,
            thought=self.thought,
            stop=AfterThinking(first_write(self.thought, problem).stop, opening_at_end(prompt)),
            prompt_ids=renderer.prompt_ids(prompt),
            stream=f"{self.writer.seed}/{problem.id}/{self.name}",
            weights=weights,
            opening=opening_at_end(prompt),
        )


def _outputs(
    problem: Problem, thought: str, found: "Search", decoding: StepwiseBeams
) -> list[Output]:
    return [
        Output(
            problem_id=problem.id,
            dataset=problem.dataset,
            split=problem.split,
            phase="after",
            thought=thought,
            sample=sample,
            num_shots=0,
            text=found.asked.opening + beam.text,
            num_tokens=len(beam.token_ids),
            finished=beam.finished or beam.failed,
            logprob=_mean(beam),
            trace={
                "score": round(found.score(beam), 4),
                "steps": list(beam.trace),
                "counts": found.counts,
            },
        )
        for sample, beam in enumerate(found.result()[: 1 + decoding.num_samples(problem.split)])
    ]


def _mean(beam: "Beam") -> float | None:
    return round(sum(beam.logprobs) / len(beam.logprobs), 6) if beam.logprobs else None


def _tally(outputs: Sequence[Output]) -> dict[str, int]:
    """The step counters of all problems together."""
    total: Counter[str] = Counter()
    for output in outputs:
        if output.sample == 0:
            total.update(output.trace["counts"])
    return dict(total)
