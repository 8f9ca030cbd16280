"""Which prompt a student answers by before training: zero-shot or few-shot, by validation."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mdexp.records import Output, Problem
from mdexp.stages.generate import _with_better_prompt
from tests.contract.conftest import plugin

PROBLEMS = [
    Problem(id=split, dataset="toy", split=split, question="How many?", answer=2)
    for split in ("validation", "test")
]
ROW = {"question": "Two?", "cot": "1 + 1 = 2.", "answer": 2}


class Asking:
    """A student that solves a problem if it was shown enough; it notes what it is asked."""

    def __init__(self, needs: int) -> None:
        self.needs = needs
        self.asked: list[tuple[str, int]] = []

    def __call__(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Any], shots: Sequence[Any]
    ) -> list[Output]:
        self.asked += [(problem.id, len(shots)) for problem in problems]
        answer = 2 if len(shots) >= self.needs else 3
        return [
            Output(
                problem_id=problem.id,
                dataset="toy",
                split=problem.split,
                phase="before",
                thought=name,
                sample=0,
                num_shots=len(shots),
                text=f"The answer is {answer}.",
                num_tokens=4,
                finished=True,
            )
            for problem in problems
            for name in thoughts
        ]


@pytest.mark.parametrize(
    ("exemplars", "needs", "asked", "solved"),
    [
        ([ROW], 1, [("validation", 0), ("validation", 1), ("test", 1)], {0: 0, 1: 1}),
        ([ROW], 2, [("validation", 0), ("validation", 1), ("test", 1)], {0: 0, 1: 0}),
        ([], 0, [("validation", 0), ("test", 0)], {0: 1}),
    ],
    ids=["few shots solve more", "few shots in a tie", "nothing to show"],
)
def test_each_prompt_is_tried_once(
    exemplars: list[Any], needs: int, asked: list[tuple[str, int]], solved: dict[int, int]
) -> None:
    ask, cot = Asking(needs), plugin("thought", "cot")
    outputs, counts = _with_better_prompt(ask, PROBLEMS, "cot", cot, exemplars, None, {})
    assert ask.asked == asked
    assert counts == {"solved on validation by shots": solved, "shots": asked[-1][1]}
    assert [output.problem_id for output in outputs] == ["validation", "test"]
