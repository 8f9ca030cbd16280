"""Problems put to a trained student step by step: the weights that do best on validation problems
rank the beams of the test problems."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdexp.config.blocks import DecodingSettings
from mdexp.decoding.answering import limits_of
from mdexp.decoding.decode_stats import Work
from mdexp.decoding.stepwise import Asked, Beam, Search, Weights, search
from mdexp.grading.score import grade
from mdexp.ports import Executor, Thought
from mdexp.records import Output, Problem
from mdexp.students.prompts import Renderer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

Counts = dict[str, Any]


def answer_by_steps(
    model: "PreTrainedModel",
    renderer: Renderer,
    problems: Sequence[Problem],
    thoughts: Mapping[str, Thought],
    *,
    decoding: DecodingSettings,
    executor: Executor,
    seed: int,
    work: Work,
) -> tuple[list[Output], Counts]:
    """The best beam of each (problem, thought) as sample 0, the next `num_paths` after it; and what
    each choice of weights solved on validation, the one taken, and the steps tried."""
    if renderer.kind != "causal":
        raise ValueError(f"decoding.beam continues a text, which a {renderer.kind} student cannot")
    outputs: list[Output] = []
    counts: Counts = {}
    for name, thought in thoughts.items():
        by_steps = BySteps(model, renderer, name, thought, decoding, executor, seed, work)
        found, counts[name] = by_steps.with_best_weights(problems)
        outputs += found
    return outputs, counts


@dataclass(frozen=True, slots=True)
class BySteps:
    """One thought, step by step."""

    model: "PreTrainedModel"
    renderer: Renderer
    name: str
    thought: Thought
    decoding: DecodingSettings
    executor: Executor
    seed: int
    work: Work

    def with_best_weights(self, problems: Sequence[Problem]) -> tuple[list[Output], Counts]:
        validation = [problem for problem in problems if problem.split == "validation"]
        rest = [problem for problem in problems if problem.split != "validation"]
        tried = {weights: self.ask(validation, weights) for weights in self._to_try(validation)}
        solved = {weights: self._solved(found, validation) for weights, found in tried.items()}
        best = max(solved, key=lambda weights: solved[weights])  # of equal ones the first
        log.info("%s: beams by weights %s of run, new, use", self.name, list(best))
        outputs = tried[best] + self.ask(rest, best)
        return outputs, {
            "solved on validation by weights": {str(list(w)): n for w, n in solved.items()},
            "weights": list(best),
            "steps": _tally(outputs),
        }

    def ask(self, problems: Sequence[Problem], weights: Weights) -> list[Output]:
        """The best beam of each problem, and of test problems the `num_paths` after it."""
        searches = self.search([self._asked(problem) for problem in problems], weights)
        return [
            output
            for problem, found in zip(problems, searches, strict=True)
            for output in _outputs(problem, self.name, found, weights, self.decoding.num_paths)
        ]

    def search(self, asked: Sequence[Asked], weights: Weights) -> list[Search]:
        assert self.decoding.beam, "judged"
        return search(
            self.model,
            self.renderer,
            asked,
            self.decoding.beam,
            weights,
            limits_of(self.decoding),
            self.executor,
            self.work,
        )

    def _asked(self, problem: Problem) -> Asked:
        prompt = self.renderer.prompt(problem.question, self.thought)
        return Asked(
            question=problem.question,
            problem=problem.id,
            thought=self.thought,
            expected=problem.expected,
            prompt_ids=self.renderer.prompt_ids(prompt),
            stream=f"{self.seed}/{problem.id}/{self.name}",
        )

    def _to_try(self, validation: Sequence[Problem]) -> Sequence[Weights]:
        """Without validation problems there is nothing to choose by: the first."""
        assert self.decoding.beam, "judged"
        return self.decoding.beam.weights if validation else self.decoding.beam.weights[:1]

    def _solved(self, outputs: Sequence[Output], problems: Sequence[Problem]) -> int:
        gold, thoughts = {p.id: p for p in problems}, {self.name: self.thought}
        return sum(g.correct for g in grade(outputs, gold, thoughts, self.executor))


def _outputs(
    problem: Problem, thought: str, found: Search, weights: Weights, num_paths: int
) -> list[Output]:
    kept = num_paths if problem.split == "test" else 0
    return [
        Output(
            problem_id=problem.id,
            dataset=problem.dataset,
            split=problem.split,
            phase="after",
            thought=thought,
            sample=sample,
            num_shots=0,
            text=beam.text,
            num_tokens=len(beam.token_ids),
            finished=beam.finished or beam.failed,
            logprob=_mean(beam),
            trace={
                "score": round(beam.score(weights), 4),
                "steps": list(beam.trace),
                "counts": found.counts,
            },
        )
        for sample, beam in enumerate(found.result()[: 1 + kept])
    ]


def _mean(beam: Beam) -> float | None:
    return round(sum(beam.logprobs) / len(beam.logprobs), 6) if beam.logprobs else None


def _tally(outputs: Sequence[Output]) -> dict[str, int]:
    """The step counters of all problems together."""
    total: Counter[str] = Counter()
    for output in outputs:
        if output.sample == 0:
            total.update(output.trace["counts"])
    return dict(total)
