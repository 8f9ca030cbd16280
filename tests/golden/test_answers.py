"""A student's float32 answers, greedy and sampled, are those that are recorded.

`python -m tests.golden.test_answers` records them anew, where a change of answers is meant;
the keys of the stages that write them have to change with them.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from mdexp.decoding.answering import answer
from mdexp.decoding.student_writer import StudentWriter
from mdexp.records import Problem, ProgramResult
from tests.contract.conftest import plugin
from tests.tiny_run import straight, writer_of_lines

RECORDED = Path(__file__).with_name("answers.json")
QUESTIONS = ("How many?", "Ann has 3 pens and buys 4. How many?", "What is left of 9 after 2?")


class RunsNothing:
    """Decoding runs nothing behind the last text of a transcript."""

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        raise AssertionError(programs)

    solve = run


def answers() -> list[list[object]]:
    model, renderer = writer_of_lines()
    problems = [
        Problem(id=f"p{n}", dataset="toy", split="test", question=question, answer=1)
        for n, question in enumerate(QUESTIONS)
    ]
    outputs = answer(
        StudentWriter(model=model, renderer=renderer, phase="after", seed=0),
        problems,
        {name: plugin("thought", name) for name in ("cot", "pot", "kpdd")},
        decoding=straight(num_paths=2, max_new_tokens=24, batch_size=8),
        executor=RunsNothing(),
    )
    return [
        [o.problem_id, o.thought, o.sample, o.text, o.num_tokens, o.finished, len(o.segments)]
        for o in outputs
    ]


def test_answers_are_those_of_before() -> None:
    assert answers() == json.loads(RECORDED.read_text())


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(answers(), indent=1) + "\n")
