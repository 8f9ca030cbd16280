"""Tokens per answer: of a thought those of its greedy path, of a vote those of all it counts."""

from mdexp.grading.score import votes
from mdexp.records import Output
from mdexp.report.answer_tokens import answer_tokens
from mdexp.report.tables import tokens_text
from tests.synthetic_run import ORDER, run_parts

TOKENS = {"cot": 30, "pot": 10}


def outputs(generations):
    return [
        Output(
            problem_id=g.problem_id,
            dataset=g.dataset,
            split=g.split,
            phase=g.phase,
            thought=g.thought,
            sample=g.sample,
            num_shots=0,
            text="",
            num_tokens=TOKENS[g.thought] + g.sample + (100 if g.problem_id == "p0" else 0),
            finished=True,
        )
        for g in generations
    ]


def spent(samples, **kwargs):
    parts = run_parts(("after",), num_problems=2, samples=samples)
    elected = votes(parts["generations"], ORDER, **kwargs)
    found = answer_tokens(outputs(parts["generations"]), elected)
    return {row: tokens for (_, _, row), tokens in found.items()}


def test_a_tie_break_costs_the_greedy_path_of_each_thought():
    assert spent((0,)) == {"cot": 80, "pot": 60, "vote": 140}


def test_a_vote_costs_its_sampled_paths_and_no_greedy_one():
    found = spent((0, 1, 2))
    assert found == {
        "cot": 80,
        "pot": 60,
        "cot vote": 81 + 82,
        "pot vote": 61 + 62,
        "vote": 81 + 82 + 61 + 62,
    }


def test_a_thought_that_does_not_vote_costs_the_vote_nothing():
    assert spent((0,), voting=["pot"])["vote"] == 60


def test_what_is_not_known_is_left_out():
    assert tokens_text((None, 12.4)) == "– : 12" and tokens_text((None, None)) == ""
