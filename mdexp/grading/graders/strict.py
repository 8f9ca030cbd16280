"""Strict, our own grader: the answer that the thought reads, by answers.correct.

The graders of papers are beside it, since a paper's accuracy is only comparable under the paper's
grader. All read values by our own parser, since a model's text is never evaluated. Where gold is
yes, no or an option, all agree with this one.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.answers import correct
from mdexp.ports import Attempt
from mdexp.records import Answer


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "strict"
    version: ClassVar[int] = 2

    def read(self, attempt: Attempt, gold: Answer) -> Answer | None:
        return attempt.answer

    def is_right(self, attempt: Attempt, gold: Answer) -> bool:
        return correct(attempt.answer, gold, attempt.match)


STRICT = Strict()
