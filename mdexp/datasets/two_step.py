"""Generated word problems of two steps with small numbers, which a student of 135 M parameters
learns within minutes on a CPU.

Six kinds of story take turns. The test has the wordings of training with other names, things and
numbers. For each kind, no pair of first two numbers is in both, so no test answer can be memorised.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from mdexp.datasets.generated import Draw
from mdexp.datasets.graph_logic_puzzle import NAMES
from mdexp.records import Problem, Split

THINGS: Mapping[Split, tuple[str, ...]] = {
    "train": ("apples", "books", "pens", "shells", "cards", "eggs", "nuts", "cups", "coins"),
    "test": ("plums", "stamps", "balls", "stones", "keys", "rolls", "figs", "hats", "beads"),
}


class Story(NamedTuple):
    """A question and the two equations that solve it, each with the words around it."""

    numbers: tuple[int, int]  # the first two numbers, which decide its split
    question: str
    steps: tuple[str, str]
    answer: int


class Cast(NamedTuple):
    """Who and what a story is about."""

    one: str
    other: str
    things: str


def _change(cast: Cast, chance: Random) -> Story:
    a, b, c = chance.randint(5, 20), chance.randint(2, 9), chance.randint(2, 5)
    return Story(
        (a, b),
        f"{cast.one} has {a} {cast.things}, buys {b} more and gives {c} to {cast.other}. "
        f"How many {cast.things} does {cast.one} have now?",
        (
            f"{cast.one} first has {a} + {b} = {a + b} {cast.things}.",
            f"{cast.one} then has {a + b} - {c} = {a + b - c} {cast.things}.",
        ),
        a + b - c,
    )


def _more(cast: Cast, chance: Random) -> Story:
    a, b = chance.randint(3, 20), chance.randint(2, 9)
    return Story(
        (a, b),
        f"{cast.one} has {a} {cast.things}. {cast.other} has {b} more. "
        f"How many {cast.things} do they have together?",
        (
            f"{cast.other} has {a} + {b} = {a + b} {cast.things}.",
            f"Together they have {a} + {a + b} = {2 * a + b} {cast.things}.",
        ),
        2 * a + b,
    )


def _times(cast: Cast, chance: Random) -> Story:
    a, b = chance.randint(2, 15), chance.randint(2, 5)
    return Story(
        (a, b),
        f"{cast.one} has {a} {cast.things}. {cast.other} has {b} times as many. "
        f"How many {cast.things} do they have together?",
        (
            f"{cast.other} has {a} * {b} = {a * b} {cast.things}.",
            f"Together they have {a} + {a * b} = {a + a * b} {cast.things}.",
        ),
        a + a * b,
    )


def _groups(cast: Cast, chance: Random) -> Story:
    a, b, c = chance.randint(3, 9), chance.randint(3, 9), chance.randint(2, 8)
    return Story(
        (a, b),
        f"{cast.one} has {a} bags with {b} {cast.things} each and loses {c} {cast.things}. "
        f"How many {cast.things} are left?",
        (
            f"The bags hold {a} * {b} = {a * b} {cast.things}.",
            f"There are {a * b} - {c} = {a * b - c} {cast.things} left.",
        ),
        a * b - c,
    )


def _price(cast: Cast, chance: Random) -> Story:
    a, b, c = chance.randint(2, 9), chance.randint(2, 9), chance.randint(2, 12)
    return Story(
        (a, b),
        f"{cast.one} buys {a} {cast.things} for ${b} each and a bag for ${c}. "
        f"How many dollars does {cast.one} pay?",
        (
            f"The {cast.things} cost {a} * {b} = {a * b} dollars.",
            f"{cast.one} pays {a * b} + {c} = {a * b + c} dollars.",
        ),
        a * b + c,
    )


def _share(cast: Cast, chance: Random) -> Story:
    c, each = chance.randint(2, 5), chance.randint(3, 9)
    a = chance.randint(2, c * each - 2)
    b = c * each - a
    return Story(
        (a, b),
        f"{cast.one} has {a} {cast.things} and {cast.other} has {b}. They share all of them among "
        f"{c} friends. How many {cast.things} does each friend get?",
        (
            f"Together they have {a} + {b} = {a + b} {cast.things}.",
            f"Each friend gets {a + b} / {c} = {each} {cast.things}.",
        ),
        each,
    )


KINDS: Mapping[str, Callable[[Cast, Random], Story]] = {
    "change": _change,
    "more": _more,
    "times": _times,
    "groups": _groups,
    "price": _price,
    "share": _share,
}
TEST_EVERY = 3  # pairs whose sum is a multiple of this are for the test


class TwoStep(BaseModel):
    """Stories of six kinds; a story's length is its kind's index in KINDS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "two_step"

    def lengths(self) -> Mapping[Split, Sequence[int]]:
        return dict.fromkeys(("train", "test"), range(len(KINDS)))

    def problem(self, draw: Draw) -> Problem | None:
        """The problem of a draw; None if its first two numbers belong to the other split."""
        kind = list(KINDS)[draw.length]
        names = [name for names in NAMES[draw.split].values() for name in names]
        one, other = draw.chance.sample(names, 2)
        story = KINDS[kind](Cast(one, other, draw.chance.choice(THINGS[draw.split])), draw.chance)
        is_test = sum(story.numbers) % TEST_EVERY == 0
        if is_test != (draw.split == "test"):
            return None
        return Problem(
            id=f"two_step/{draw.split}/{draw.number}",
            dataset="two_step",
            split=draw.split,
            question=story.question,
            answer=story.answer,
            rationale="\n".join(story.steps),
            type=kind,
        )
