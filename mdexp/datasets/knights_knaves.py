"""Knights and knaves as reasoning-gym draws them, reworded to a question of yes or no.

The island's people always tell the truth or always lie. Of each puzzle exactly one assignment fits;
the question is whether one of them is a knight. `type` is `k=3` for three people. The solutions by
rule go through the cases.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mdexp.datasets.generated import Draw
from mdexp.datasets.graph_logic_puzzle import variable
from mdexp.datasets.reasoning_gym_items import gym_item
from mdexp.records import Problem, Split

People = Annotated[int, Field(ge=2, le=4)]
Statement = tuple[Any, ...]  # ("lying", 1), ("and", left, right), ... as reasoning-gym nests them
ASKS = "So who is"  # begins reasoning-gym's own question


class KnightsKnaves(BaseModel):
    """Islanders and what they say; lengths are numbers of people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "knights_knaves"

    people_train: Annotated[tuple[People, ...], Field(min_length=1)]
    people_test: Annotated[tuple[People, ...], Field(min_length=1)]

    def lengths(self) -> Mapping[Split, Sequence[int]]:
        return {"train": self.people_train, "test": self.people_test}

    def problem(self, draw: Draw) -> Problem:
        item = gym_item("knights_knaves", draw.chance, n_people=draw.length)
        told = item["metadata"]
        names = [str(name) for name in told["names"]]
        asked = draw.chance.randrange(len(names))
        a_knight, a_knave = (str(told["knight_knave_terms"][k]) for k in ("a_knight", "a_knave"))
        story, _, _ = item["question"].partition(ASKS)
        return Problem(
            id=f"knights_knaves/{draw.split}/{draw.number}",
            dataset="knights_knaves",
            split=draw.split,
            question=f"{story.strip()} Is {names[asked]} {a_knight}?",
            answer="yes" if told["solution"][asked] else "no",
            type=f"k={len(names)}",
            solutions={
                "cot": [_cases(told["statements"], names, asked, a_knight, a_knave)],
                "pot": [_program(told["statements"], names, asked)],
            },
        )


def is_true(statement: Statement, truthful: tuple[bool, ...]) -> bool:
    """Whether a statement is true, given who tells the truth. ValueError of an unknown kind."""
    match statement:
        case ("telling-truth", who):
            return truthful[who]
        case ("lying", who):
            return not truthful[who]
        case ("not", inner):
            return not is_true(inner, truthful)
        case ("and", *parts):
            return all(is_true(part, truthful) for part in parts)
        case ("or", *parts):
            return any(is_true(part, truthful) for part in parts)
        case ("->", left, right):
            return not is_true(left, truthful) or is_true(right, truthful)
        case ("<=>", left, right):
            return is_true(left, truthful) == is_true(right, truthful)
    raise ValueError(f"knights_knaves: a statement of an unknown kind: {statement!r}")


def _cases(
    statements: tuple[Statement, ...], names: list[str], asked: int, a_knight: str, a_knave: str
) -> str:
    """Each assignment in turn, up to the one that fits; there is one."""
    lines = []
    for truthful in product((True, False), repeat=len(names)):
        roles = [
            f"{name} is {a_knight if tells else a_knave}"
            for name, tells in zip(names, truthful, strict=True)
        ]
        wrong = next(
            (n for n, said in enumerate(statements) if is_true(said, truthful) != truthful[n]), None
        )
        lines.append(f"Suppose {' and '.join(roles)}.")
        if wrong is None:
            lines.append("All statements fit.")
            lines.append(f"The answer is {'yes' if truthful[asked] else 'no'}.")
            return "\n".join(lines)
        value = "true" if is_true(statements[wrong], truthful) else "false"
        role = a_knight if truthful[wrong] else a_knave
        lines.append(f"What {names[wrong]} says is {value}, so {names[wrong]} is not {role}.")
    raise ValueError("knights_knaves: no assignment fits")


def _program(statements: tuple[Statement, ...], names: list[str], asked: int) -> str:
    people = [variable(name) for name in names]
    lines = [f"{'    ' * n}for {who} in (True, False):" for n, who in enumerate(people)]
    fits = [f"{who} == ({_python(s, people)})" for who, s in zip(people, statements, strict=True)]
    indent = "    " * len(people)
    lines += [f"{indent}if {' and '.join(fits)}:", f"{indent}    ans = {people[asked]}"]
    return "\n".join(lines)


def _python(statement: Statement, people: list[str]) -> str:
    match statement:
        case ("telling-truth", who):
            return people[who]
        case ("lying", who):
            return f"not {people[who]}"
        case ("not", inner):
            return f"not ({_python(inner, people)})"
        case ("and" | "or" as join, *parts):
            return f" {join} ".join(f"({_python(part, people)})" for part in parts)
        case ("->", left, right):
            return f"not ({_python(left, people)}) or ({_python(right, people)})"
        case ("<=>", left, right):
            return f"({_python(left, people)}) == ({_python(right, people)})"
    raise ValueError(f"knights_knaves: a statement of an unknown kind: {statement!r}")
