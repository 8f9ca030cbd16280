"""PaD (arXiv 2305.13888): `round(float(output)) == int(gold)`, halves to even, gold cut off.

Its check that a program prints exactly one line is omitted: programs here need not print.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.grading.graders.numeric import is_right_by
from mdexp.ports import Attempt
from mdexp.records import Answer


class Pad(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "pad"
    version: ClassVar[int] = 2

    def read(self, attempt: Attempt, gold: Answer) -> Answer | None:
        return attempt.answer

    def is_right(self, attempt: Attempt, gold: Answer) -> bool:
        return is_right_by(lambda value, truth: round(value) == int(truth), attempt, gold)
