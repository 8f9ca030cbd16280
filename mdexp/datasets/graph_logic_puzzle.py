"""A puzzle over a graph of relations: the facts it gives, what it asks, its solution by rule."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from mdexp.answers import plain
from mdexp.records import Answer, Split

# Names of people, by split and gender. None is a keyword of Python or a word of the puzzles.
NAMES: Mapping[Split, Mapping[str, tuple[str, ...]]] = {
    "train": {
        "female": ("Ada", "Bea", "Cora", "Dina", "Elsa", "Fay", "Gina", "Hana", "Ida", "Jane",
                   "Kira", "Lena", "Mona", "Nora", "Olga", "Pia", "Rosa", "Sara"),
        "male": ("Adam", "Ben", "Carl", "Dirk", "Emil", "Finn", "Gus", "Hugo", "Ivan", "Jack",
                 "Karl", "Leo", "Marc", "Nick", "Otto", "Paul", "Rolf", "Sam"),
    },
    "test": {
        "female": ("Anna", "Britt", "Celia", "Dora", "Emma", "Flora", "Greta", "Helen", "Iris",
                   "Judy", "Kate", "Lucy", "Mary", "Nina", "Opal", "Petra", "Ruth", "Tina"),
        "male": ("Alan", "Boris", "Chris", "David", "Eric", "Fred", "Gary", "Henry", "Isaac",
                 "John", "Kevin", "Louis", "Mike", "Noel", "Oscar", "Peter", "Ron", "Tom"),
    },
}  # fmt: skip


class Fact(NamedTuple):
    """`subject` is the `relation` of `object`: (Bea, mother, Carl)."""

    subject: str
    relation: str
    object: str


@dataclass(frozen=True, kw_only=True)
class Puzzle:
    """`chain` has the facts that the answer depends on, in the order in which they are followed."""

    chain: tuple[Fact, ...]
    inverse: tuple[Fact, ...]  # the chain's facts, inverted
    branch: tuple[Fact, ...]  # true facts about one entity of the chain and one outside it
    apart: tuple[Fact, ...]  # true facts about entities outside the chain
    question: str
    answer: Answer
    options: tuple[str, ...] = ()
    reasoning: tuple[str, ...]  # sentences that follow the chain
    program: str
    equations: str = ""
    wordings: tuple[str, ...] = field(repr=False)  # of a fact; the last is only for tests

    @property
    def signature(self) -> tuple[str, ...]:
        """The sequence of relations without names, which must not be both trained on and tested."""
        return tuple(fact.relation for fact in self.chain)

    def sentence(self, fact: Fact, split: Split, chance: Random) -> str:
        """A sentence that states the fact, in the wordings of a split."""
        wordings = self.wordings[-1:] if split == "test" else self.wordings[:-1]
        return chance.choice(wordings).format(
            subject=fact.subject, relation=fact.relation, object=fact.object
        )

    def solutions(self, facts: Sequence[str]) -> dict[str, list[str]]:
        """Texts that solve it, by thought; `facts` are the chain's sentences as in the question."""
        reasoning, statement = "\n".join(self.reasoning), f"The answer is {plain(self.answer)}."
        texts = {
            "cot": [f"{reasoning}\n{statement}"],
            "extract_then_answer": [f"Facts: {' '.join(facts)}\n{reasoning}\n{statement}"],
            "pot": [self.program],
        }
        return texts | ({"eot": [self.equations]} if self.equations else {})


def variable(name: str) -> str:
    """A name as a variable of programs and equations."""
    return re.sub(r"\W", "_", name.lower())
