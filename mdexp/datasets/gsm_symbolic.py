"""GSM-Symbolic (Mirzadeh et al. 2024, arXiv 2410.05229) as reasoning-gym generates it.

A template is a GSM8K question with names and numbers to fill in. Training and test share no
template, so the test measures reasoning and not the memory of a wording. Templates take turns, so
each is equally represented. Problem i of a template does not depend on the number of problems.
"""

from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from mdexp.answers import parse
from mdexp.config.ood_sets import OodNames
from mdexp.ports import SourceError
from mdexp.records import Answer, NearDuplicates, Overlap, Problem, Split

# Templates of one to three clean steps and at most 60 words. For 200 problems of each, every answer
# could be recomputed from the question. That excludes templates whose generator truncates fractions
# (3, 4 and 75: 121 / 22 "is" 5; 99: 0.99 left over "is" 0).
EASY = (
    6, 8, 10, 12, 13, 16, 18, 20, 23, 26, 29, 30, 31, 33, 34, 39, 41, 43, 48, 50, 54, 56, 57, 58,
    59, 62, 67, 69, 72, 78, 80, 81, 88, 91, 95,
)  # fmt: skip
# The easy templates for testing: two operations and at most 32 words.
EASY_TEST = (6, 10, 20, 26, 43, 58)
TEST_EVERY = 3  # of all templates
MAX_DRAWS = 100  # draws for one new problem before a template counts as exhausted


class GsmSymbolic(BaseModel):
    """`limit_train` and `limit_test` are how many problems are generated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None  # used only by the OOD sets
    split: Literal["default"]
    templates: Literal["easy", "all"]
    draw: int  # another number draws other problems of the same templates
    limit_train: PositiveInt
    limit_test: PositiveInt
    ood: OodNames
    overlap: Overlap = "masked"  # not recorded by earlier versions
    near_duplicates: NearDuplicates = "keep"
    source: str = ""  # said in the report; not recorded by earlier versions
    licence: str = ""

    def files(self) -> dict[str, Path]:
        return {}

    def dropped(self) -> Counter[str]:
        return Counter()

    def problems(self) -> list[Problem]:
        train, test = split_templates(self.templates)
        return self._draw(train, "train", self.limit_train) + self._draw(
            test, "test", self.limit_test
        )

    def _draw(self, templates: tuple[int, ...], split: Split, size: int) -> list[Problem]:
        found: list[Problem] = []
        asked: set[str] = set()
        while len(found) < size:
            number, turn = divmod(len(found), len(templates))
            problem = self._new(templates[turn], number, split, asked)
            asked.add(problem.question)
            found.append(problem)
        return found

    def _new(self, template: int, number: int, split: Split, asked: set[str]) -> Problem:
        """Problem `number` of a template; it is drawn again while its question occurred before."""
        for attempt in range(MAX_DRAWS):
            drawn = _generate(template, Random(f"{self.draw}/{template}/{number}/{attempt}"))
            if drawn["question"].strip() not in asked:
                return Problem(
                    id=f"gsm_symbolic/{template:02d}/{number}",
                    dataset="gsm_symbolic",
                    split=split,
                    question=drawn["question"].strip(),
                    answer=_number(drawn["answer"]),
                    rationale=drawn["metadata"]["answer_cot"].strip(),
                    type=f"template {template}",
                )
        raise SourceError(
            f"gsm_symbolic: template {template} has fewer than {number + 1} different problems: "
            f"lower dataset.limit_{split}"
        )


def split_templates(subset: Literal["easy", "all"]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The templates for training and those for testing."""
    from reasoning_gym.arithmetic.gsm_symbolic.gsm_symbolic import tasks_ok

    if subset == "easy":
        return tuple(t for t in EASY if t not in EASY_TEST), EASY_TEST
    test = tuple(tasks_ok[TEST_EVERY - 1 :: TEST_EVERY])
    return tuple(t for t in tasks_ok if t not in test), test


def _generate(template: int, rng: Random) -> dict[str, Any]:
    from reasoning_gym.arithmetic.gsm_symbolic import generators_00_49, generators_50_99

    generators = generators_00_49 if template < 50 else generators_50_99
    return getattr(generators, f"generate_{template}")(rng, 1.0)


def _number(text: str) -> Answer:
    value = parse(text)
    assert isinstance(value, Fraction), text
    return int(value) if value.denominator == 1 else float(value)
