"""Last-letter concatenation after Wei et al. 2022 (arXiv 2201.11903), as a choice among five
options.

The paper asks for the letters themselves. Here they are chosen from five spellings, so that answers
can be compared and voted on like other options. Test has other words than training, and more of
them: `type` is `k=4` for four words.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import plain
from mdexp.datasets.generated import Draw
from mdexp.records import Problem, Split

WORDS: dict[Split, tuple[str, ...]] = {
    "train": (
        "amber", "basket", "candle", "desk", "engine", "farm", "glass", "hammer", "island",
        "jacket", "kettle", "lemon", "meadow", "needle", "ocean", "pencil", "quilt",
        "river", "salad", "tulip", "umbrella", "valley", "window", "yard", "zebra", "bread",
        "cliff", "drum", "photo", "song",
    ),
    "test": (
        "apron", "bridge", "castle", "doctor", "eagle", "forest", "garden", "harbor", "ink",
        "jungle", "kitchen", "ladder", "mirror", "nest", "orchid", "planet", "queen",
        "rabbit", "scarf", "tunnel", "uniform", "violin", "wallet", "yoga", "zipper",
        "brook", "chess", "dough", "bamboo", "map",
    ),
}  # fmt: skip
LETTERS = "ABCDE"
Length = Annotated[int, Field(ge=2, le=8)]


class LastLetters(BaseModel):
    """Last letters of words, put together; lengths are numbers of words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "last_letters"

    words_train: Annotated[tuple[Length, ...], Field(min_length=1)]
    words_test: Annotated[tuple[Length, ...], Field(min_length=1)]

    def lengths(self) -> Mapping[Split, Sequence[int]]:
        return {"train": self.words_train, "test": self.words_test}

    def problem(self, draw: Draw) -> Problem:
        words = draw.chance.sample(WORDS[draw.split], draw.length)
        gold = "".join(word[-1] for word in words)
        options = _options(gold, words, draw.chance)
        answer = LETTERS[options.index(gold)]
        listed = " ".join(f"{letter}) {o}" for letter, o in zip(LETTERS, options, strict=True))
        return Problem(
            id=f"last_letters/{draw.split}/{draw.number}",
            dataset="last_letters",
            split=draw.split,
            question=(
                f'Take the last letters of the words in "{" ".join(words)}" and put them together. '
                f"What do they spell? {listed}"
            ),
            answer=answer,
            type=f"k={len(words)}",
            options=options,
            solutions=_solutions(words, gold, answer),
        )


def _options(gold: str, words: list[str], chance: Random) -> list[str]:
    """The options: gold, the first letters, and spellings that differ in one letter from another
    option, not only from gold; else gold would be the option most similar to the others."""
    found = dict.fromkeys([gold, "".join(word[0] for word in words)])
    while len(found) < len(LETTERS):
        like, place = chance.choice(list(found)), chance.randrange(len(gold))
        letter = chance.choice([word[-1] for word in WORDS["train"] + WORDS["test"]])
        found[like[:place] + letter + like[place + 1 :]] = None
    options = list(found)
    chance.shuffle(options)
    return options


def _solutions(words: list[str], gold: str, answer: str) -> dict[str, list[str]]:
    steps = [f'The last letter of "{word}" is "{word[-1]}".' for word in words]
    together = f'Together they spell "{gold}", which is option {answer}.'
    listed = ", ".join(f'"{word}"' for word in words)
    return {
        "cot": ["\n".join([*steps, together, f"The answer is {plain(answer)}."])],
        "pot": [f'words = [{listed}]\nans = ""\nfor word in words:\n    ans = ans + word[-1]'],
    }
