"""Draws a family of three generations with in-laws, and tells how two of its members are related.

Relations are read from the tree, not derived by composing rules, which are wrong for some families
(CLUTRR's own rules are).
"""

from dataclasses import dataclass
from random import Random

# The words for a relation: for a woman, for a man.
WORDS = {
    "spouse": ("wife", "husband"),
    "parent": ("mother", "father"),
    "child": ("daughter", "son"),
    "sibling": ("sister", "brother"),
    "grandparent": ("grandmother", "grandfather"),
    "grandchild": ("granddaughter", "grandson"),
    "parent's sibling": ("aunt", "uncle"),
    "sibling's child": ("niece", "nephew"),
    "cousin": ("cousin", "cousin"),
    "spouse's parent": ("mother-in-law", "father-in-law"),
    "child's spouse": ("daughter-in-law", "son-in-law"),
    "sibling-in-law": ("sister-in-law", "brother-in-law"),
}
TOLD = ("spouse", "parent", "child", "sibling")  # the relations that facts may state


@dataclass(eq=False)
class Person:
    is_male: bool
    parents: tuple["Person", ...] = ()
    spouse: "Person | None" = None


def draw_family(chance: Random) -> list[Person]:
    """Two couples, whose children marry each other or people from elsewhere, and grandchildren."""
    ours, theirs = _children(chance, _couple(), 3), _children(chance, _couple(), 2)
    woman, man = next(
        ((a, b) for a in ours for b in theirs if a.is_male != b.is_male), (None, None)
    )
    people = [*ours[0].parents, *theirs[0].parents, *ours, *theirs]
    couples = []
    if woman and man:
        woman.spouse, man.spouse = man, woman
        couples.append((woman, man))
    for person in (*ours, *theirs):
        if person.spouse is None and len(couples) < 3:
            person.spouse = Person(is_male=not person.is_male, spouse=person)
            couples.append((person, person.spouse))
            people.append(person.spouse)
    for couple in couples:
        people += _children(chance, couple, chance.choice([2, 3]))
    return people


def relation_of(person: Person, other: Person) -> str | None:
    """What `other` is to `person`, such as "aunt"; None if no single word of WORDS says it."""
    kind = _kind(person, other)
    return WORDS[kind][other.is_male] if kind else None


def is_told(relation: str) -> bool:
    """Whether facts may state the relation, or it has to be derived."""
    return any(relation in WORDS[kind] for kind in TOLD)


def _kind(person: Person, other: Person) -> str | None:
    if other is person.spouse:
        return "spouse"
    if other in person.parents:
        return "parent"
    if person in other.parents:
        return "child"
    if _are_siblings(person, other):
        return "sibling"
    if any(other in parent.parents for parent in person.parents):
        return "grandparent"
    if any(person in parent.parents for parent in other.parents):
        return "grandchild"
    if any(_are_siblings(parent, other) for parent in person.parents):
        return "parent's sibling"
    if any(_are_siblings(parent, person) for parent in other.parents):
        return "sibling's child"
    if any(_are_siblings(a, b) for a in person.parents for b in other.parents):
        return "cousin"
    return _kind_by_marriage(person, other)


def _kind_by_marriage(person: Person, other: Person) -> str | None:
    if person.spouse and other in person.spouse.parents:
        return "spouse's parent"
    if other.spouse and person in other.spouse.parents:
        return "child's spouse"
    if person.spouse and _are_siblings(person.spouse, other):
        return "sibling-in-law"
    if other.spouse and _are_siblings(other.spouse, person):
        return "sibling-in-law"
    return None


def _are_siblings(a: Person, b: Person) -> bool:
    return a is not b and bool(a.parents) and a.parents == b.parents


def _couple() -> tuple[Person, Person]:
    woman, man = Person(is_male=False), Person(is_male=True)
    woman.spouse, man.spouse = man, woman
    return woman, man


def _children(chance: Random, parents: tuple[Person, Person], number: int) -> list[Person]:
    return [Person(is_male=chance.random() < 0.5, parents=parents) for _ in range(number)]
