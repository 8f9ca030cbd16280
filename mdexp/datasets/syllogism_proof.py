"""Whether a syllogism's conclusion follows, and why, in sentences.

All worlds are enumerated: with three terms a thing is of one of eight kinds, and a world says which
kinds exist. Every term has members. A valid conclusion is derived for one thing; an invalid one is
refuted by the smallest world in which it fails.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Literal, NamedTuple

Form = Literal["all", "no", "some", "some_not"]
Kind = tuple[bool, ...]  # of a thing: whether it is among each term
Facts = dict[str, bool]  # of one thing: whether it is among these terms


class Proposition(NamedTuple):
    """`subject` and `predicate` are plurals, as in "All dogs are animals"."""

    form: Form
    subject: str
    predicate: str

    @property
    def text(self) -> str:
        """The claim as reasoning-gym words it."""
        first = {"all": "All", "no": "No"}.get(self.form, "Some")
        return f"{first} {self.subject} are {'not ' * (self.form == 'some_not')}{self.predicate}"

    @property
    def clause(self) -> str:
        """The claim within a sentence."""
        return self.text[0].lower() + self.text[1:]


def terms_of(claims: Sequence[Proposition]) -> list[str]:
    """The terms of the claims, in the order in which they occur."""
    return list(dict.fromkeys(term for c in claims for term in (c.subject, c.predicate)))


def holds_in(claim: Proposition, terms: Sequence[str], world: Sequence[Kind]) -> bool:
    """Whether a claim is true in a world that has only these kinds of things."""
    subject, predicate = terms.index(claim.subject), terms.index(claim.predicate)
    among = [kind[predicate] for kind in world if kind[subject]]
    match claim.form:
        case "all":
            return all(among)
        case "no":
            return not any(among)
        case "some":
            return any(among)
        case "some_not":
            return not all(among)


def counterexample(premises: Sequence[Proposition], conclusion: Proposition) -> list[Kind] | None:
    """The first of the smallest worlds in which the premises hold and the conclusion does not."""
    terms = terms_of([*premises, conclusion])
    for world in _worlds(len(terms)):
        has_members = all(any(kind[n] for kind in world) for n in range(len(terms)))
        agrees = has_members and all(holds_in(premise, terms, world) for premise in premises)
        if agrees and not holds_in(conclusion, terms, world):
            return list(world)
    return None


def _worlds(num_terms: int) -> Iterator[tuple[Kind, ...]]:
    kinds = list(product((True, False), repeat=num_terms))
    for size in range(1, len(kinds) + 1):
        yield from combinations(kinds, size)


def refutation(
    premises: Sequence[Proposition], conclusion: Proposition, world: Sequence[Kind]
) -> list[str]:
    """Sentences that describe a world in which the conclusion fails."""
    terms = terms_of([*premises, conclusion])
    things = "; ".join(f"one {_among(dict(zip(terms, k, strict=True)))}" for k in world)
    return [
        f"Suppose there is nothing but this: {things}.",
        f"Then both statements hold, but it is false that {conclusion.clause}.",
    ]


def proof(premises: Sequence[Proposition], conclusion: Proposition) -> list[str] | None:
    """The shortest derivation of the conclusion for one thing, as sentences; None if there is
    none."""
    found = [
        [begin, *steps, f"So {conclusion.clause}."]
        for begin, facts in _beginnings(premises, conclusion)
        if (steps := _derived(premises, facts, _goal(conclusion))) is not None
    ]
    return min(found, key=len, default=None)


def _beginnings(
    premises: Sequence[Proposition], conclusion: Proposition
) -> Iterator[tuple[str, Facts]]:
    if conclusion.form in ("all", "no"):
        yield f"Take any of the {conclusion.subject}.", {conclusion.subject: True}
        return
    for premise in premises:
        if premise.form in ("some", "some_not"):
            facts = {premise.subject: True, premise.predicate: premise.form == "some"}
            yield f"{premise.text}: take one that is {_among(facts)}.", facts
    for term in terms_of(premises):
        yield f"There are {term}: take one of them.", {term: True}


def _goal(conclusion: Proposition) -> Facts:
    reached = conclusion.form in ("all", "some")
    return {conclusion.subject: True, conclusion.predicate: reached}


def _derived(premises: Sequence[Proposition], facts: Facts, goal: Facts) -> list[str] | None:
    """The steps from `facts` to `goal`; None if the universal premises do not lead there."""
    known, steps = dict(facts), []
    while not goal.items() <= known.items():
        new = next(
            (
                (premise, then)
                for premise in premises
                for given, then in _implications(premise)
                if given.items() <= known.items() and not then.items() <= known.items()
            ),
            None,
        )
        if new is None:
            return None
        premise, then = new
        known |= then
        steps.append(f"{premise.text}, so it is {_among(then)}.")
    return steps


def _implications(premise: Proposition) -> list[tuple[Facts, Facts]]:
    """The implications of a universal premise for one thing, in both directions."""
    subject, predicate = premise.subject, premise.predicate
    match premise.form:
        case "all":
            return [({subject: True}, {predicate: True}), ({predicate: False}, {subject: False})]
        case "no":
            return [({subject: True}, {predicate: False}), ({predicate: True}, {subject: False})]
    return []


def _among(facts: Facts) -> str:
    """`among the dogs and not among the cats`"""
    parts = [f"{'' if is_in else 'not '}among the {term}" for term, is_in in facts.items()]
    return " and ".join(parts)
