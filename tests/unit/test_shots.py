"""By which prompt a student answers: shots and variants of a thought, by validation problems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mdexp.decoding.choosing import chosen_variant
from mdexp.records import Output, Phase, Problem
from mdexp.stages.generate import _by_best_prompt
from tests.contract.conftest import plugin

PROBLEMS = [
    Problem(id=split, dataset="toy", split=split, question="How many?", answer=2)
    for split in ("validation", "test")
]
ROW = {"question": "Two?", "cot": "1 + 1 = 2.", "answer": 2}


@dataclass(frozen=True)
class Prompted:
    phase: Phase
    exemplars: Sequence[Any] = ()
    readings: dict[Any, Any] = field(default_factory=dict)


@dataclass
class Guessing:
    """Solves a problem by one number of shots and one cue; it notes what it is asked."""

    shots: int
    cue: str = ""
    samples: int = 0  # of a validation problem, all wrong
    asked: list[tuple[str, int, str]] = field(default_factory=list)

    def with_choice(self, counts: Mapping[str, Any]) -> "Guessing":
        return self

    def solve(
        self, problems: Sequence[Problem], thoughts: Mapping[str, Any], writer: Prompted, *_: Any
    ) -> tuple[list[Output], dict[str, Any]]:
        [(name, thought)] = thoughts.items()
        shots = len(writer.exemplars)
        self.asked += [(problem.id, shots, thought.cue) for problem in problems]
        knows = shots >= self.shots and self.cue in thought.cue
        outputs = [
            Output(
                problem_id=problem.id,
                dataset="toy",
                split=problem.split,
                phase=writer.phase,
                thought=name,
                sample=sample,
                num_shots=shots,
                text=f"The answer is {2 if knows and not sample else 3}.",
                num_tokens=4,
                finished=True,
            )
            for problem in problems
            for sample in range(1 + self.samples)
        ]
        return outputs, {}


def best(thought: Any, decoder: Guessing, shown: Sequence[Any], phase: Phase = "before") -> Any:
    writer: Any = Prompted(phase)
    return _by_best_prompt(decoder, PROBLEMS, "it", thought, writer, shown, None, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shown", "needs", "asked", "solved"),
    [
        ([ROW], 1, [("validation", 1), ("validation", 0), ("test", 1)], {0: 0, 1: 1}),
        ([ROW], 2, [("validation", 1), ("validation", 0), ("test", 1)], {0: 0, 1: 0}),
        ([], 0, [("validation", 0), ("test", 0)], {0: 1}),
    ],
    ids=["few shots solve more", "few shots in a tie", "nothing to show"],
)
def test_each_prompt_is_tried_once(
    shown: list[Any], needs: int, asked: list[tuple[str, int]], solved: dict[int, int]
) -> None:
    decoder = Guessing(needs)
    outputs, counts = best(plugin("thought", "cot"), decoder, shown)
    assert [(id, shots) for id, shots, _ in decoder.asked] == asked
    assert counts == {"solved on validation by shots": solved, "shots": asked[-1][1]}
    assert [output.problem_id for output in outputs] == ["validation", "test"]


@pytest.mark.parametrize("phase", ["before", "after"])
def test_the_number_of_chains_is_chosen_before_the_test_is_touched(phase: Phase) -> None:
    dcot = plugin("thought", "dcot").model_copy(update={"k_options": (1, 2, 3)})
    decoder = Guessing(0, cue="solutions: 3")
    outputs, counts = best(dcot, decoder, [], phase)
    cues = [(id, cue.split(": ")[1][0]) for id, _, cue in decoder.asked]
    assert cues == [("validation", "1"), ("validation", "2"), ("validation", "3"), ("test", "3")]
    assert counts["solved on validation by variant"] == {"1": 0, "2": 0, "3": 1}
    assert counts["variant"] == "3" and len(outputs) == 2
    assert chosen_variant(dcot, counts).cue == decoder.asked[-1][2], "as solve and the card ask it"
    assert chosen_variant(dcot, {}).cue == decoder.asked[0][2]


def test_wrong_samples_choose_as_greedy_paths_do() -> None:
    decoder = Guessing(1, samples=3)
    outputs, counts = best(plugin("thought", "cot"), decoder, [ROW])
    assert counts["solved on validation by shots"] == {0: 0, 1: 1}
    assert [o.sample for o in outputs if o.split == "validation"] == [0, 1, 2, 3]


def test_a_thought_without_k_options_is_written_and_keyed_as_before() -> None:
    assert "k_options" not in plugin("thought", "dcot").model_dump()
