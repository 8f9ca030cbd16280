"""Returns a dataset's own annotations as views of its solutions (MinT, arXiv 2307.07951); no model
is asked.

MinT trains one student on datasets annotated in different styles. An instruction asks for each
style. Views here: `cot` is the set's own prose, `marked` the same with GSM8K's calculator marks
(`<<48/2=24>>`), and `label`, `eot`, `pot` and the like are what teacher=worked makes of it.

For the paper's claim that noise in one view leaves the others alone, a share of one view's texts
can be corrupted: one arithmetic operator becomes another.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from random import Random
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mdexp.answers import plain
from mdexp.ports import Executor, Thought
from mdexp.records import Path, Problem, ThinkingUse
from mdexp.teacher.worked import worked_texts

MODEL = "annotations"
CORRUPTED = "annotations, corrupted"
_MARK = re.compile(r"<<[^<>]*>>")
_FINAL = re.compile(r"\n?####[^\n]*\Z")
# An operator stands between blanks or beside a number, so the hyphen of "part-time" is not one.
_OPERATOR = re.compile(r"(?<=[\w)] )[-+*/](?= [\w(])|(?<=[\d)])[-+*/](?=[\d(])")


class Annotations(BaseModel):
    """Gives up to `num_paths` texts for each view that a set has; its original prose is one
    text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask_again: ClassVar[bool] = False
    thinking: ClassVar[ThinkingUse] = "drop"

    num_paths: int = Field(ge=1)
    views: dict[str, tuple[str, ...]]  # by set; one that is not listed gives all it has
    corrupted: str | None
    corrupted_share: Annotated[float, Field(ge=0, le=1)]
    seed: int

    def files(self) -> dict[str, FilePath]:
        return {}

    def exemplars(self) -> list[dict[str, Any]]:
        return []

    def paths(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        ledger: FilePath,
        executor: Executor,
    ) -> Iterator[Path]:
        for problem in problems:
            texts = annotated(problem)
            shown = self.views.get(problem.dataset, tuple(texts))
            for thought in thoughts:
                if thought in shown:
                    for sample, text in enumerate(texts.get(thought, [])[: self.num_paths]):
                        yield self._path(problem, thought, sample, text)

    def _path(self, problem: Problem, thought: str, sample: int, text: str) -> Path:
        chance = Random(f"{self.seed}/{thought}/{problem.id}/{sample}")
        is_chosen = thought == self.corrupted and chance.random() < self.corrupted_share
        written = with_wrong_operator(text, chance) if is_chosen else text
        return Path(
            problem_id=problem.id,
            thought=thought,
            sample=sample,
            text=written,
            model=MODEL if written == text else CORRUPTED,
        )


def annotated(problem: Problem) -> dict[str, list[str]]:
    """The views of a problem's solution that its set has, by thought."""
    texts = worked_texts(problem)
    own = _FINAL.sub("", problem.rationale).strip()
    if own and problem.solutions is None and "cot" in texts:
        statement = f"\nThe answer is {plain(problem.answer)}."
        texts["cot"] = [_MARK.sub("", own) + statement]
        if _MARK.search(own):
            texts["marked"] = [own + statement]
    return texts


def with_wrong_operator(text: str, chance: Random) -> str:
    """The text with one operator replaced by another; unchanged if it has no operator."""
    places = list(_OPERATOR.finditer(text))
    if not places:
        return text
    place = chance.choice(places)
    other = chance.choice([sign for sign in "+-*/" if sign != place[0]])
    return f"{text[: place.start()]}{other}{text[place.end() :]}"
