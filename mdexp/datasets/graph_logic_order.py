"""Order puzzles: comparisons of neighbours in a hidden order, and a question about its two ends."""

from itertools import pairwise
from random import Random

from mdexp.datasets.graph_logic_puzzle import Fact, Puzzle, variable

COMPARISONS = (
    ("taller than", "shorter than"),
    ("older than", "younger than"),
    ("faster than", "slower than"),
    ("heavier than", "lighter than"),
    ("richer than", "poorer than"),
)
WORDINGS = (
    "{subject} is {relation} {object}.",
    "{subject} is a little {relation} {object}.",
    "We know that {subject} is {relation} {object}.",
    "Everyone can see that {subject} is {relation} {object}.",
    "It was found out that {subject} is {relation} {object}.",
)


def order_puzzle(chance: Random, hops: int, names: list[str]) -> Puzzle:
    """Whether one end of the order is more, or less, than the other: yes or no."""
    more, less = pair = chance.choice(COMPARISONS)
    people, others = names[: hops + 1], names[hops + 1 :]  # highest first
    downwards = [Fact(a, more, b) for a, b in pairwise(people)]
    upwards = [Fact(fact.object, less, fact.subject) for fact in downwards]
    sides_chosen = [chance.randrange(2) for _ in downwards]
    sides = list(zip(downwards, upwards, strict=True))
    first, second = chance.sample([people[0], people[-1]], 2)
    relation = chance.choice(pair)
    holds = (first == people[0]) == (relation == more)
    sign = ">" if relation == more else "<"
    return Puzzle(
        chain=tuple(side[way] for side, way in zip(sides, sides_chosen, strict=True)),
        inverse=tuple(side[1 - way] for side, way in zip(sides, sides_chosen, strict=True)),
        branch=(Fact(others[0], chance.choice(pair), chance.choice(people)),),
        apart=(Fact(others[1], chance.choice(pair), others[2]),),
        question=f"Is {first} {relation} {second}?",
        answer="yes" if holds else "no",
        reasoning=(
            *_reasoning(people, more),
            f"So {first} is {'' if holds else 'not '}{relation} {second}.",
        ),
        program=f"{_ranks(people)}\nans = {variable(first)} {sign} {variable(second)}",
        wordings=WORDINGS,
    )


def _reasoning(people: list[str], more: str) -> list[str]:
    first, second, *rest = people
    lines = [f"{first} is {more} {second}."]
    for before, after in pairwise([second, *rest]):
        lines.append(f"{before} is {more} {after}, so {first} is {more} {after}.")
    return lines


def _ranks(people: list[str]) -> str:
    lines = [f"{variable(people[0])} = 0"]
    for before, after in pairwise(people):
        lines.append(f"{variable(after)} = {variable(before)} - 1")
    return "\n".join(lines)
