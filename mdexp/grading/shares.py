"""How many of a group of problems were got right, as analysis.json holds it."""

from typing import TypedDict

from mdexp.grading.statistics import wilson


class Share(TypedDict):
    """Right answers to n problems."""

    n: int
    correct: int
    ci95: list[float]  # Wilson


def share(correct: int, n: int) -> Share:
    return Share(n=n, correct=correct, ci95=list(wilson(correct, n)))
