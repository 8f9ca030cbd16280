"""A question with its gold answer."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from mdexp.records.rows import OMITTED

Answer = int | float | str | bool
AnswerKind = Literal["number", "yes_no", "options", "text"]
TextMatch = Literal["exact", "normalised"]  # answers/free_text.py says what they mean
Split = Literal["train", "validation", "test"]
Overlap = Literal["exact", "masked", "off"]  # datasets/overlap.py says what they mean
NearDuplicates = Literal["keep", "drop"]  # training problems that nearly equal a test problem
LETTERS = "abcdefghij"  # of the options of a choice
YES_NO = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The kind of answer that a problem expects.

    It tells how to read a text, not whether it is right. `options` are the texts of the choices A,
    B, ..., if they are known. The kind `text` is free text; `match`, if given, says when two texts
    are equal.
    """

    kind: AnswerKind = "number"
    options: tuple[str, ...] = ()
    match: TextMatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One question. `dataset` tells an out-of-distribution test item from one of the main test."""

    id: str
    dataset: str
    split: Split
    question: str
    answer: Answer
    rationale: str = ""  # the dataset's own solution, if it has one
    type: str = ""  # the dataset's own kind of problem: an operation, a template
    leaked: bool = False  # a training problem that equals a test one: never trained on
    options: list[str] = field(default_factory=list)  # the texts behind A, B, ...; none: no choice
    answer_kind: AnswerKind | None = None  # None: that of gold
    # Solutions by thought, for a generated dataset; teacher=worked returns them.
    solutions: dict[str, list[str]] | None = field(default=None, metadata=OMITTED)
    # For free text: when an answer equals gold. Such a problem has the `answer_kind` text.
    match: TextMatch | None = field(default=None, metadata=OMITTED)

    @property
    def expected(self) -> Expected:
        kind = self.answer_kind or _kind_of(self.answer)
        return Expected(kind=kind, options=tuple(self.options), match=self.match)

    @property
    def set_name(self) -> str:
        """The name of its set in logs: `svamp` for test problems, else `svamp/validation` or
        `svamp/train`."""
        return self.dataset if self.split == "test" else f"{self.dataset}/{self.split}"


def _kind_of(gold: Answer) -> AnswerKind:
    if isinstance(gold, bool):
        return "yes_no"
    if not isinstance(gold, str):
        return "number"
    word = gold.strip().strip("().").lower()
    if word in YES_NO:
        return "yes_no"
    if len(word) == 1 and word in LETTERS:
        return "options"
    return "number" if any(character.isnumeric() for character in word) else "text"


def by_id(problems: Iterable[Problem]) -> dict[str, Problem]:
    """The problems by their ids."""
    return {problem.id: problem for problem in problems}
