"""Lessons of DCoT (arXiv 2407.03181): distinct right chains of a problem in one target.

Of n chains there is a lesson for each size 1..n, with a random ordered subset of that size, drawn
anew for each of `draws` epochs, as in the paper's code. Further epochs take the draws in turn.
Only chains that meet the gold answer take part, whatever `verify.mode` keeps.
"""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import correct
from mdexp.lessons.needed_thought import thought_of
from mdexp.lessons.thinking import thinking_together, thought_first
from mdexp.ports import Executor, Thought
from mdexp.records import Lesson, Problem, VerifiedPath
from mdexp.thoughts.dcot import DivergentChains


class DistinctChains(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    thought: str = Field(min_length=1)  # the thought of several chains that these belong to
    max_chains: int = Field(ge=1)  # the most in one target
    draws: int = Field(ge=1)  # epochs for which subsets are drawn anew
    seed: int = Field(ge=0)

    def teaches(self, thoughts: Mapping[str, Thought]) -> Collection[str]:
        self._packing(thoughts)
        return (self.thought,)

    def make(
        self,
        problem: Problem,
        paths: Sequence[VerifiedPath],
        thoughts: Mapping[str, Thought],
        executor: Executor,
    ) -> Iterator[Lesson]:
        """Yield a lesson for each drawn subset; nothing for a problem without right chains."""
        packing = self._packing(thoughts)
        chains = {
            path.text: path
            for path in paths
            if path.thought in packing.made_from
            and correct(path.answer, problem.answer, problem.match)
        }
        drawn = self._subsets(problem, list(chains.values()))
        for number, (epoch, subset) in enumerate(drawn):
            packed = packing.packed(
                problem.question, [path.text for path in subset], subset[0].answer
            )
            yield Lesson(
                id=f"{problem.id}/{self.thought}/{number}",
                problem_id=problem.id,
                thought=self.thought,
                sample=number,
                segments=thought_first(packed, thinking_together(subset)),
                sources=tuple(f"{path.thought}/{path.sample}" for path in subset),
                epoch=epoch,
            )

    def _packing(self, thoughts: Mapping[str, Thought]) -> DivergentChains:
        return thought_of(DivergentChains, self.thought, thoughts, "distinct_chains")

    def _subsets(
        self, problem: Problem, chains: Sequence[VerifiedPath]
    ) -> list[tuple[int, list[VerifiedPath]]]:
        """Ordered subsets of each size, with the epoch that they are for."""
        chance = random.Random(f"{self.seed}/{problem.id}")
        sizes = range(1, min(len(chains), self.max_chains) + 1)
        return [
            (epoch, chance.sample(chains, size)) for epoch in range(self.draws) for size in sizes
        ]
