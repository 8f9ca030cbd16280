"""When two questions count as the same: equal, or equal but for their numbers.

Case, punctuation and spacing never count. A problem whose twin with other numbers was trained on
tests memory, not reasoning.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from mdexp.records import Problem

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(
    r"\d+|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen"
    r"|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty"
    r"|ninety|hundred|thousand)\b"
)
_NUMBERS_IN_A_ROW = re.compile(r"\b0(?: 0)+\b")  # `1,200`, `2.5` and `twenty five` are one number


def normalised(question: str) -> str:
    """The words and numbers of a question in lower case, a space between them."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", question).lower()))


def masked(question: str) -> str:
    """The normalised question with `0` for each number; equal questions have equal masks."""
    return _NUMBERS_IN_A_ROW.sub("0", _NUMBER.sub("0", normalised(question)))


def refuse_tested(exemplars: Sequence[Mapping[str, Any]], problems: Sequence[Problem]) -> None:
    """ValueError if a test problem, maybe with other numbers, is among the exemplars of a prompt:
    who is shown its solution is not tested by it."""
    tested = {masked(problem.question): problem for problem in problems if problem.split == "test"}
    for row in exemplars:
        if problem := tested.get(masked(row["question"])):
            same = normalised(problem.question) == normalised(row["question"])
            how = "is" if same else "is, but for its numbers,"
            raise ValueError(
                f"the exemplar {row['question']!r} {how} the test problem {problem.id} of "
                f"{problem.dataset}: take it out, or show others (teacher.prompts)"
            )
