"""math-verify (Hugging Face): LaTeX answers, which are equal if sympy finds them equal.

It reads the text itself (prose, or a program's output) and falls back on the answer that the
thought reads. Votes group answers by its normal form. Where gold is yes, no or an option's letter
it agrees with `strict`.
"""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator

from mdexp.answers import parse, plain
from mdexp.grading.graders.strict import STRICT
from mdexp.grading.math_process import MathVerdict, lacks, math_verdict
from mdexp.ports import Attempt
from mdexp.records import Answer


class MathVerify(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "math_verify"
    version: ClassVar[int] = 1

    @model_validator(mode="after")
    def _is_installed(self) -> Self:
        if fault := lacks():
            raise ValueError(fault)
        return self

    def read(self, attempt: Attempt, gold: Answer) -> Answer | None:
        return attempt.answer if _is_word(gold) else _verdict(attempt, gold).form

    def is_right(self, attempt: Attempt, gold: Answer) -> bool:
        return STRICT.is_right(attempt, gold) if _is_word(gold) else _verdict(attempt, gold).right


def _is_word(gold: Answer) -> bool:
    return isinstance(parse(gold), str)


def _verdict(attempt: Attempt, gold: Answer) -> MathVerdict:
    """The verdict on the text; if that has no answer, on the answer that the thought reads."""
    if attempt.match == "normalised":
        raise ValueError(
            "grader=math_verify: dataset.match=normalised drops signs such as - and ^; "
            "use dataset.match=exact"
        )
    found = math_verdict(attempt.said, plain(gold))
    if found.form is None and attempt.answer is not None:
        return math_verdict(f"${plain(attempt.answer)}$", plain(gold))
    return found
