"""Groups problems by kind and paths by failure, for the report's breakdowns."""

import re
from fractions import Fraction

from mdexp.answers import parse
from mdexp.records import Generation, Problem

_CALCULATION = re.compile(r"<<.*?>>")  # GSM8K's calculator marks
_EQUATION = re.compile(r"\d\D{0,60}?=")
_CLASSES = {
    "no_answer": "did not parse",
    "ambiguous": "did not parse",
    "syntax_error": "syntax",
    "truncated": "truncated",
}
_UNKNOWN_NAME = re.compile(r"\b(?:NameError|UnboundLocalError)\b")


def error_class(generation: Generation) -> str:
    """`right`, or the reason: `did not parse`, `syntax`, `name`, `wrong value`, `truncated`, else
    the status in words: `runtime error`, `timeout`, `unsupported`, ..."""
    if generation.correct:
        return "right"
    if generation.status == "ok":
        return "wrong value"
    if generation.status == "runtime_error" and _UNKNOWN_NAME.search(generation.error):
        return "name"
    return _CLASSES.get(generation.status, generation.status.replace("_", " "))


def steps(problem: Problem) -> str:
    """The number of calculations in the dataset's own solution: `1`, ..., `8 or more`, or `not
    known`.

    Calculator marks are counted if there are any, else equations.
    """
    text = problem.rationale
    number = len(_CALCULATION.findall(text)) or len(_EQUATION.findall(text))
    if number == 0:
        return "not known"
    return str(number) if number < 8 else "8 or more"


def answer_size(problem: Problem) -> str:
    """The size of the gold answer: `0 to 9`, `10 to 99`, ..., `fraction`, `negative` or `a
    word`."""
    value = parse(problem.answer)
    if not isinstance(value, Fraction):
        return "a word"
    if value < 0:
        return "negative"
    if value.denominator > 1:
        return "fraction"
    for digits, name in ((1, "0 to 9"), (2, "10 to 99"), (3, "100 to 999"), (4, "1000 to 9999")):
        if value < 10**digits:
            return name
    return "10000 or more"
