"""XoT (arXiv 2310.14628): less than 1e-3 from gold, whole or not."""

from fractions import Fraction
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.grading.graders.numeric import is_right_by
from mdexp.ports import Attempt
from mdexp.records import Answer

TOLERANCE = Fraction(1, 10**3)


class Xot(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "xot"
    version: ClassVar[int] = 2

    def read(self, attempt: Attempt, gold: Answer) -> Answer | None:
        return attempt.answer

    def is_right(self, attempt: Attempt, gold: Answer) -> bool:
        return is_right_by(lambda value, truth: abs(value - truth) < TOLERANCE, attempt, gold)
