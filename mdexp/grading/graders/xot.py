"""XoT (arXiv 2310.14628): less than 1e-3 from gold, whole or not."""

from fractions import Fraction
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.grading.graders.numeric import both_numbers
from mdexp.grading.graders.strict import STRICT
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
        values = both_numbers(attempt.answer, gold)
        if values is None:
            return STRICT.is_right(attempt, gold)
        return abs(values[0] - values[1]) < TOLERANCE
