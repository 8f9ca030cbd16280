"""Distilling step-by-step (arXiv 2305.02301): equal as floating-point numbers, no tolerance.

The paper evaluates both sides as equations first; here our parser does that.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.grading.graders.numeric import is_right_by
from mdexp.ports import Attempt
from mdexp.records import Answer


class Dss(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "dss"
    version: ClassVar[int] = 2

    def read(self, attempt: Attempt, gold: Answer) -> Answer | None:
        return attempt.answer

    def is_right(self, attempt: Attempt, gold: Answer) -> bool:
        return is_right_by(lambda value, truth: float(value) == float(truth), attempt, gold)
