"""Syllogisms as reasoning-gym draws them: does the conclusion follow? Yes or no.

Every term is taken to have members, as in its rules. Gold is ours: the conclusion has to hold in
every world in which both statements do. Of 3,000 items of reasoning-gym 0.1.25, 372 are labelled
as valid and are not, all of them with an undistributed middle: "All dogs are cats. Some cats are
birds." does not give "Some dogs are birds". `type` is reasoning-gym's: `syllogism`, or `inversion`
of one of the two statements.
"""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.datasets.generated import Draw
from mdexp.datasets.reasoning_gym_items import gym_item
from mdexp.datasets.syllogism_proof import (
    Form,
    Proposition,
    counterexample,
    proof,
    refutation,
    terms_of,
)
from mdexp.records import Problem, Split

_PROPOSITION = re.compile(r"(All|No|Some) (\w+) are (not )?(\w+)")
_FORMS: Mapping[str, Form] = {"All": "all", "No": "no", "Some": "some"}
# Of 8 kinds of things (bit n: whether it is among term n) a world has those whose bit is set.
_PROGRAM = """\
ans = True
for world in range(256):
    kinds = [k for k in range(8) if world >> k & 1]
    among = [[k for k in kinds if k >> n & 1] for n in range(3)]
    if all(among) and {first} and {second} and not ({conclusion}):
        ans = False"""
_TESTS: Mapping[Form, str] = {
    "all": "all(k in among[{predicate}] for k in among[{subject}])",
    "no": "not any(k in among[{predicate}] for k in among[{subject}])",
    "some": "any(k in among[{predicate}] for k in among[{subject}])",
    "some_not": "not all(k in among[{predicate}] for k in among[{subject}])",
}


class Syllogism(BaseModel):
    """Two statements and a conclusion. They have no length."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "syllogism"

    def lengths(self) -> Mapping[Split, Sequence[int]]:
        return {"train": (1,), "test": (1,)}

    def problem(self, draw: Draw) -> Problem | None:
        item = gym_item("syllogism", draw.chance)
        told = item["metadata"]
        *premises, conclusion = (
            proposition_of(told[part]) for part in ("premise1", "premise2", "conclusion")
        )
        world = counterexample(premises, conclusion)
        shown = (
            proof(premises, conclusion)
            if world is None
            else refutation(premises, conclusion, world)
        )
        if shown is None:
            return None
        answer = "yes" if world is None else "no"
        return Problem(
            id=f"syllogism/{draw.split}/{draw.number}",
            dataset="syllogism",
            split=draw.split,
            question=item["question"].strip(),
            answer=answer,
            type=told["type"],
            solutions={
                "cot": ["\n".join([*shown, f"The answer is {answer}."])],
                "pot": [_program(premises, conclusion)],
            },
        )


def proposition_of(text: str) -> Proposition:
    """A proposition as reasoning-gym words it; ValueError for other words."""
    if not (found := _PROPOSITION.fullmatch(text)):
        raise ValueError(f"syllogism: {text!r} is no proposition that is known here")
    first, subject, negated, predicate = found.groups()
    return Proposition("some_not" if negated else _FORMS[first], subject, predicate)


def _program(premises: Sequence[Proposition], conclusion: Proposition) -> str:
    terms = terms_of([*premises, conclusion])
    names = [f"# {number}: {term}" for number, term in enumerate(terms)]
    first, second, last = (
        _TESTS[claim.form].format(
            subject=terms.index(claim.subject), predicate=terms.index(claim.predicate)
        )
        for claim in (*premises, conclusion)
    )
    return "\n".join([*names, _PROGRAM.format(first=first, second=second, conclusion=last)])
