"""Lenient: the last number in the text counts as the answer.

It reads texts differently from the other graders, so its votes also use the last number.
"""

import re
from fractions import Fraction
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mdexp.answers import NUMBER, correct, parse
from mdexp.ports import Attempt
from mdexp.records import Answer

_NUMBER = re.compile(NUMBER)


class Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "lenient"
    version: ClassVar[int] = 2

    def read(self, attempt: Attempt, gold: Answer) -> Answer | None:
        """The last number in the text; without one, or if gold is not a number, the answer that the
        thought reads."""
        if not isinstance(parse(gold), Fraction):
            return attempt.answer
        numbers = _NUMBER.findall(attempt.said)
        return numbers[-1] if numbers else attempt.answer

    def is_right(self, attempt: Attempt, gold: Answer) -> bool:
        return correct(self.read(attempt, gold), gold, attempt.match)
