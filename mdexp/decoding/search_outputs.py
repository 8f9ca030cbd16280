"""Runs the searches of one thought, window by window, and turns their texts into outputs."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mdexp.decoding.request import DecodingRequest, limits_of
from mdexp.decoding.search_steps import Sought
from mdexp.decoding.search_tree import Node, SearchTree
from mdexp.decoding.step_values import step_values
from mdexp.decoding.student_writer import StudentWriter
from mdexp.decoding.tree_growth import Growth, Values
from mdexp.ports import Executor, Thought
from mdexp.ports.progress import with_progress
from mdexp.records import Generation, Output, Problem
from mdexp.transcripts.driver import first_write
from mdexp.transcripts.thinking import AfterThinking, opening_at_end

if TYPE_CHECKING:
    from mdexp.decoding.search import TreeSearch

log = logging.getLogger(__name__)

Counts = dict[str, Any]


@dataclass(slots=True)
class _Found:
    """The outputs of one search; can be read from JSON."""

    outputs: list[Output]

    def __post_init__(self) -> None:
        self.outputs = [Output(**o) if isinstance(o, dict) else o for o in self.outputs]


@dataclass(frozen=True, slots=True)
class Searches:
    """The searches of one thought, as they are asked for."""

    decoding: "TreeSearch"
    name: str
    thought: Thought
    problems: Sequence[Problem]
    taught_by: Sequence[Generation]  # paths of validation problems, from which a scorer learns

    def windows(self, writer: StudentWriter, executor: Executor) -> "_Windows":
        values = step_values(self.decoding, writer, self.taught_by)
        return _Windows(self, writer, executor, values)


class _Windows:
    """Searches in windows of problems whose draws fill a batch."""

    def __init__(
        self, asked: Searches, writer: StudentWriter, executor: Executor, values: Values
    ) -> None:
        self.decoding, self.name, self.thought = asked.decoding, asked.name, asked.thought
        self.writer, self.executor, self.values = writer, executor, values
        size = max(1, self.decoding.batch_size // self.decoding.search.branches)
        starts = range(0, len(asked.problems), size)
        self.problems = [asked.problems[start : start + size] for start in starts]
        self.title = writer.title([self.name], asked.problems)
        self.found: dict[str, list[Output]] = {}  # by problem

    @property
    def number(self) -> int:
        return len(self.problems)

    def write(self, numbers: Sequence[int], *, shows: bool = True) -> None:
        windows = [self.problems[number] for number in numbers]
        for window in with_progress(windows, self.title, "problems", log) if shows else windows:
            ids = [problem.id for problem in window]
            self.found |= zip(ids, self._written(window), strict=True)

    def in_order(self) -> list[Output]:
        """The outputs of each problem in turn."""
        ids = [problem.id for window in self.problems for problem in window]
        return [output for id in ids for output in self.found[id]]

    def _written(self, window: Sequence[Problem]) -> list[list[Output]]:
        asked = [self._sought(problem) for problem in window]
        named = [
            DecodingRequest(
                prompt_ids=one.prompt_ids,
                problem=one.problem.id,
                stop=one.stop,
                sample=0,
                stream=one.stream,
            )
            for one in asked
        ]
        limits = limits_of(self.decoding)
        kept = self.writer.work.kept_or(named, limits, _Found, partial(self._search, asked))
        return [one.outputs for one in kept]

    def _search(self, asked: Sequence[Sought]) -> list[_Found]:
        options = self.decoding.search
        growth = Growth(
            session=self.writer.session(),
            executor=self.executor,
            values=self.values,
            limits=limits_of(self.decoding),
            budget=options.budget,
            branches=options.branches,
            step_tokens=options.step_tokens,
            exploration=options.exploration,
        )
        trees = growth.grow(asked)
        return [_Found(self._outputs(*pair)) for pair in zip(asked, trees, strict=True)]

    def _sought(self, problem: Problem) -> Sought:
        renderer = self.writer.renderer
        prompt = renderer.prompt(problem.question, self.thought)
        opening = opening_at_end(prompt)
        return Sought(
            problem=problem,
            name=self.name,
            thought=self.thought,
            stop=AfterThinking(first_write(self.thought, problem).stop, opening),
            prompt_ids=renderer.prompt_ids(prompt),
            stream=f"{self.writer.seed}/{problem.id}/{self.name}/search",
            opening=opening,
        )

    def _outputs(self, question: Sought, tree: SearchTree) -> list[Output]:
        drawn = [leaf for leaf in tree.leaves() for _ in range(leaf.draws)]
        chosen = [tree.best(), *drawn[: self.decoding.num_samples(question.problem.split)]]
        places = {id(node): place for place, node in enumerate(tree.nodes)}
        outputs = []
        for sample, node in enumerate(chosen):
            trace: Counts = {"node": places[id(node)], "value": round(node.value, 4)}
            if sample == 0:
                trace |= {"spent": asdict(tree.spent), "tree": tree.rows()}
            outputs.append(_output(question, node, sample, trace))
        return outputs


def _output(question: Sought, node: Node, sample: int, trace: Counts) -> Output:
    return Output(
        problem_id=question.problem.id,
        dataset=question.problem.dataset,
        split=question.problem.split,
        phase="after",
        thought=question.name,
        sample=sample,
        num_shots=0,
        text=question.opening + node.text,
        num_tokens=len(node.token_ids),
        finished=node.is_whole or node.status == "failed",
        logprob=None if node.logprob is None else round(node.logprob, 6),
        trace=trace,
    )


def tally(outputs: Sequence[Output]) -> Counts:
    """Sums over all searches: tokens by purpose, steps, whole texts."""
    traces = [output.trace for output in outputs if output.sample == 0]
    spent: Counter[str] = Counter()
    for trace in traces:
        spent.update(trace["spent"])
    steps = [row for trace in traces for row in trace["tree"] if row["parent"] is not None]
    return {
        "tokens of searches": dict(spent),
        "steps": len(steps),
        "steps that failed": sum(row["status"] == "failed" for row in steps),
        "whole texts": sum(row["status"] == "whole" for row in steps),
        "problems beyond the budget": sum(len(trace["tree"]) == 1 for trace in traces),
    }
