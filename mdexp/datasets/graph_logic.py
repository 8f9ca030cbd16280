"""Puzzles over graphs of relations, generated after "graph-based logic data" (arXiv 2409.12437).

The paper samples chains of relations by random walks and puts them into words. Its code is not
public, so this follows its description. The number of hops is the length of the chain that an
answer depends on. Training and test share no name, wording or sequence of relations, and the test
has more hops. `type` is `k=4` for four hops, so the report's table by type is the curve over hops.
"""

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mdexp.datasets.generated import Draw
from mdexp.datasets.graph_logic_kinship import Form, kinship_puzzle
from mdexp.datasets.graph_logic_order import order_puzzle
from mdexp.datasets.graph_logic_puzzle import NAMES, Fact, Puzzle
from mdexp.datasets.graph_logic_spatial import spatial_puzzle
from mdexp.records import Problem, Split

Task = Literal["spatial", "kinship", "order"]
Distractor = Literal["supporting", "irrelevant", "disconnected"]
Hops = Annotated[int, Field(ge=2, le=8)]
TEST_SHARE = 5  # one in so many sequences of relations is kept for tests


class GraphLogic(BaseModel):
    """Graphs of relations; lengths are hops."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "graph_logic"

    tasks: Annotated[tuple[Task, ...], Field(min_length=1)]
    kinship: Form
    hops_train: Annotated[tuple[Hops, ...], Field(min_length=1)]
    hops_test: Annotated[tuple[Hops, ...], Field(min_length=1)]
    distractors: tuple[Distractor, ...]

    def lengths(self) -> Mapping[Split, Sequence[int]]:
        return {"train": self.hops_train, "test": self.hops_test}

    def problem(self, draw: Draw) -> Problem | None:
        task = self.tasks[draw.round % len(self.tasks)]
        puzzle = self._puzzle(draw.chance, task, draw.split, draw.length)
        if puzzle is None or is_for_test(puzzle.signature) != (draw.split == "test"):
            return None
        name = f"{task}/{draw.split}/{draw.number}"
        return self._problem(puzzle, draw.chance, name, draw.split)

    def _puzzle(self, chance: Random, task: Task, split: Split, hops: int) -> Puzzle | None:
        women, men = (chance.sample(names, len(names)) for names in NAMES[split].values())
        if task == "kinship":
            return kinship_puzzle(chance, hops, women, men, self.kinship)
        names = chance.sample([*women, *men], len(women) + len(men))
        make = spatial_puzzle if task == "spatial" else order_puzzle
        return make(chance, hops, names)

    def _problem(self, puzzle: Puzzle, chance: Random, name: str, split: Split) -> Problem:
        sentences = {
            fact: puzzle.sentence(fact, split, chance) for fact in self._facts(puzzle, chance)
        }
        shuffled = list(sentences.values())
        chance.shuffle(shuffled)
        return Problem(
            id=f"graph_logic/{name}",
            dataset="graph_logic",
            split=split,
            question=" ".join([*shuffled, puzzle.question]),
            answer=puzzle.answer,
            type=f"k={len(puzzle.chain)}",
            options=list(puzzle.options),
            solutions=puzzle.solutions([sentences[fact] for fact in puzzle.chain]),
        )

    def _facts(self, puzzle: Puzzle, chance: Random) -> list[Fact]:
        further = {
            "supporting": puzzle.inverse,
            "irrelevant": puzzle.branch,
            "disconnected": puzzle.apart,
        }
        chosen = [chance.choice(further[kind]) for kind in self.distractors if further[kind]]
        return [*puzzle.chain, *chosen]


def is_for_test(signature: tuple[str, ...]) -> bool:
    """Whether a sequence of relations is kept for tests, by its hash."""
    digest = hashlib.sha256(" ".join(signature).encode()).digest()
    return digest[0] % TEST_SHARE == 0
