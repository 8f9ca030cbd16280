"""Kinship puzzles: a walk through a family by mother, son, husband, ...; how is its end related to
its start?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Literal

from mdexp.datasets.graph_logic_family import WORDS, Person, draw_family, is_told, relation_of
from mdexp.datasets.graph_logic_puzzle import Fact, Puzzle

Form = Literal["yes_no", "options"]
LETTERS = "ABCDE"
MAX_DRAWS = 50  # tries for a walk with another relation before a new family is drawn
WORDINGS = (
    "{subject} is the {relation} of {object}.",
    "{subject} is {object}'s {relation}.",
    "{object} has a {relation} called {subject}.",
    "{object}'s {relation} is {subject}.",
    "To {object}, {subject} is a {relation}.",
)
Walk = tuple[Person, ...]


def kinship_puzzle(
    chance: Random, hops: int, women: Sequence[str], men: Sequence[str], form: Form
) -> Puzzle | None:
    """A puzzle about the relation of a walk's end to its start, answered by yes or no or by an
    option.

    None if the family has no such walk; the caller then draws again.
    """
    family = draw_family(chance)
    walk = draw_walk(chance, family, hops)
    other = _other_relation(chance, family, hops, walk) if walk else None
    if walk is None or other is None:
        return None
    names = _named(family, walk, women, men)
    kin = [str(relation_of(walk[0], person)) for person in walk[1:]]
    outside = [person for person in family if person not in walk]
    asked = chance.choice([kin[-1], other])
    puzzle = Puzzle(
        chain=tuple(_fact(names, a, b) for a, b in pairwise(walk)),
        inverse=tuple(_fact(names, b, a) for a, b in pairwise(walk)),
        branch=_some_fact(chance, names, walk, outside),
        apart=_some_fact(chance, names, outside, outside),
        question=f"Is {names[walk[-1]]} the {asked} of {names[walk[0]]}?",
        answer="yes" if asked == kin[-1] else "no",
        reasoning=_reasoning([names[person] for person in walk], walk, kin),
        program=f'{_rules(walk, kin)}\nans = kin == "{asked}"',
        wordings=WORDINGS,
    )
    return puzzle if form == "yes_no" else _as_choice(chance, puzzle, walk, names, kin)


def _as_choice(
    chance: Random, puzzle: Puzzle, walk: Walk, names: Mapping[Person, str], kin: Sequence[str]
) -> Puzzle:
    """The puzzle with five relations to choose from."""
    options = _options(chance, kin[-1], walk[-1].is_male)
    listed = " ".join(f"{a}) {b}" for a, b in zip(LETTERS, options, strict=True))
    return replace(
        puzzle,
        question=f"What is {names[walk[-1]]} to {names[walk[0]]}? {listed}",
        answer=LETTERS[options.index(kin[-1])],
        options=options,
        program=f"{_rules(walk, kin)}\nans = kin",
    )


def draw_walk(chance: Random, family: Sequence[Person], hops: int) -> Walk | None:
    """People, each related to the one before by a fact, and to the first by a single word.

    Nobody occurs twice, so "my father's son" is a brother. None if the walk is stuck.
    """
    walk = [chance.choice(family)]
    while len(walk) <= hops:
        onwards = [
            person
            for person in family
            if person not in walk
            and is_told(relation_of(walk[-1], person) or "")
            and relation_of(walk[0], person)
        ]
        if not onwards:
            return None
        walk.append(chance.choice(onwards))
    return tuple(walk)


def _other_relation(chance: Random, family: Sequence[Person], hops: int, walk: Walk) -> str | None:
    """The relation in another walk, of the same gender: a wrong answer whose word is as likely as a
    right one's."""
    for _ in range(MAX_DRAWS):
        other = draw_walk(chance, family, hops)
        if other and other[-1].is_male == walk[-1].is_male:
            relation = relation_of(other[0], other[-1])
            if relation != relation_of(walk[0], walk[-1]):
                return relation
    return None


def _named(
    family: Sequence[Person], walk: Walk, women: Sequence[str], men: Sequence[str]
) -> dict[Person, str]:
    """A name for each person as far as names go, those of the walk first."""
    free = {False: iter(women), True: iter(men)}
    people = [*walk, *(person for person in family if person not in walk)]
    named = {person: next(free[person.is_male], "") for person in people}
    return {person: name for person, name in named.items() if name}


def _fact(names: Mapping[Person, str], person: Person, other: Person) -> Fact:
    return Fact(names[other], str(relation_of(person, other)), names[person])


def _some_fact(
    chance: Random, names: Mapping[Person, str], people: Sequence[Person], others: Sequence[Person]
) -> tuple[Fact, ...]:
    pairs = [(a, b) for a, b in _related(people, others) if a in names and b in names]
    return (_fact(names, *chance.choice(pairs)),) if pairs else ()


def _related(people: Sequence[Person], others: Sequence[Person]) -> Iterator[tuple[Person, Person]]:
    for person in people:
        for other in others:
            if is_told(relation_of(person, other) or ""):
                yield person, other


def _reasoning(names: Sequence[str], walk: Walk, kin: Sequence[str]) -> tuple[str, ...]:
    lines = [f"{names[1]} is the {kin[0]} of {names[0]}."]
    for n in range(1, len(kin)):
        step = relation_of(walk[n], walk[n + 1])
        lines.append(
            f"{names[n + 1]} is the {step} of {names[n]}, "
            f"so {names[n + 1]} is the {kin[n]} of {names[0]}."
        )
    return tuple(lines)


def _rules(walk: Walk, kin: Sequence[str]) -> str:
    """A program that composes the relations one by one, each by a rule that it states."""
    steps = [str(relation_of(a, b)) for a, b in pairwise(walk)]
    rules = {f"{kin[n - 1]} {steps[n]}": kin[n] for n in range(1, len(kin))}
    stated = ", ".join(f'"{path}": "{relation}"' for path, relation in rules.items())
    followed = "".join(f'\nkin = rules[kin + " {step}"]' for step in steps[1:])
    return f'rules = {{{stated}}}\nkin = "{steps[0]}"{followed}'


def _options(chance: Random, gold: str, is_male: bool) -> tuple[str, ...]:
    words = [pair[is_male] for pair in WORDS.values() if pair[is_male] != gold]
    options = [gold, *chance.sample(words, len(LETTERS) - 1)]
    chance.shuffle(options)
    return tuple(options)
