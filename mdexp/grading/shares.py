"""The accuracy on a group of problems, as in analysis.json."""

from typing import TypedDict

from mdexp.grading.statistics import wilson


class Share(TypedDict):
    """The number of right answers to n problems."""

    n: int
    correct: int
    ci95: list[float]  # Wilson


def share(correct: int, n: int) -> Share:
    return Share(n=n, correct=correct, ci95=list(wilson(correct, n)))
