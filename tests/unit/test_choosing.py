"""What is chosen by validation problems is the best on them, and by no other problem."""

import pytest

from mdexp.decoding.choosing import choose_outputs
from mdexp.records import Output, Problem
from mdexp.thoughts.cot import ChainOfThought

COT = {"cot": ChainOfThought(instruction="", cue="")}
PROBLEMS = [
    Problem(id=id, dataset="toy", split=split, question="?", answer=answer)
    for id, split, answer in [("a", "validation", 1), ("b", "validation", 2), ("t", "test", 3)]
]


def said(answers):
    splits = {problem.id: problem.split for problem in PROBLEMS}
    return [
        Output(
            problem_id=id,
            dataset="toy",
            split=splits[id],
            phase="after",
            thought="cot",
            sample=0,
            num_shots=0,
            text=f"The answer is {answer}.",
            num_tokens=5,
            finished=True,
        )
        for id, answer in answers.items()
    ]


def chosen(**tried):
    outputs = {option: said(answers) for option, answers in tried.items()}
    return choose_outputs(outputs, PROBLEMS, COT, executor=None)


def test_the_option_that_solves_most_is_taken():
    best = chosen(one={"a": 1, "b": 9}, both={"a": 1, "b": 2}, none={"a": 9, "b": 9})
    assert (best.best, best.solved) == ("both", {"one": 1, "both": 2, "none": 0})


def test_of_equal_options_the_first_is_taken():
    assert chosen(first={"a": 1, "b": 9}, second={"a": 9, "b": 2}).best == "first"
    assert chosen(first={}, second={}).best == "first"


def test_a_test_problem_chooses_nothing():
    with pytest.raises(ValueError, match="t is no validation problem"):
        chosen(one={"a": 1, "t": 3})
