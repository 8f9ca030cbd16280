"""Choosing by a scorer: a perfect one finds what is there, a constant one counts."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.grading.analysis import analyse
from mdexp.grading.curves import pass_at
from mdexp.grading.score import elections
from mdexp.grading.selection import (
    ANY,
    BEST,
    LENGTH,
    LOGPROB,
    MAJORITY,
    SCORE,
    WEIGHTED,
    selections,
    verdict,
)
from mdexp.grading.vote import elect
from mdexp.ports.parts import build_part
from mdexp.records import Generation, Problem
from tests.contract.conftest import plugin
from tests.unit.test_vote import GOLD, path

PATHS = 4
answers = st.lists(
    st.lists(st.sampled_from([GOLD, 7, 8, None]), min_size=2 * PATHS, max_size=2 * PATHS),
    min_size=1,
    max_size=6,
)


def paths_of(drawn, score, split="test") -> list[Generation]:
    """Sampled paths of two thoughts for each problem, with what `score` says of each."""
    found = []
    for number, given_answers in enumerate(drawn):
        for place, answer in enumerate(given_answers):
            thought, sample = ("cot", "pot")[place // PATHS], 1 + place % PATHS
            status = "no_answer" if answer is None else "ok"
            one = path(thought, answer, sample, status)
            one = replace(one, problem_id=f"{split}{number}", split=split, logprob=-0.5)
            found.append(replace(one, score=score(one)))
    return found


def perfect(one: Generation) -> float:
    return 30.0 if one.correct else -30.0


def by_problem(paths, thought=None):
    found = {}
    for one in paths:
        if thought in (None, one.thought):
            found.setdefault(one.problem_id, []).append(one)
    return list(found.values())


@settings(max_examples=20, deadline=None)
@given(answers)
def test_a_perfect_scorer_reaches_pass_at_n(drawn):
    paths = paths_of(drawn, perfect)
    found = selections(paths, [], ["cot", "pot"])
    for thought, one in found.items():
        problems = by_problem(paths, None if thought == "mix" else thought)
        draws = {"cot": PATHS, "pot": PATHS} if thought == "mix" else {thought: PATHS}
        passed = sum(pass_at(each, draws) for each in problems)
        assert one["rows"][BEST]["correct"] == one["rows"][ANY]["correct"] == passed
        assert one["auc"][SCORE]["mean"] == (1 if one["ranked"] else 0.5)
        assert one["versus"][BEST]["only_majority"] == 0


@settings(max_examples=20, deadline=None)
@given(answers, st.floats(-3, 3))
def test_a_constant_scorer_equals_the_majority(drawn, constant):
    paths = paths_of(drawn, lambda _: constant)
    for name, one in selections(paths, [], ["pot", "cot"]).items():
        assert one["rows"][WEIGHTED] == one["rows"][MAJORITY], name
        assert one["auc"][SCORE]["mean"] == 0.5
        assert one["versus"][WEIGHTED]["p"] == 1


@settings(max_examples=20, deadline=None)
@given(answers, answers)
def test_the_vote_by_a_perfect_scorer_reaches_pass_at_n_and_by_a_constant_one_the_majority(
    tested, tuned
):
    tuned = [[GOLD, 7, *each[2:]] for each in tuned]  # both kinds, so that there is what to learn
    for score in (perfect, lambda _: 0.5):
        paths = [*paths_of(tested, score), *paths_of(tuned, score, "validation")]
        rule = build_part(
            {
                "_target_": "mdexp.grading.vote_rules.scorer.ScorerVote",
                "order": ["cot", "pot"],
                "temperatures": [0.05],
                "scorer": {"_target_": "mdexp.grading.scorers.calibrated.Calibrated", "prior": 1},
            }
        )
        one_thought = [each for each in paths if each.thought == "cot"]
        elected, _ = elections(one_thought, ["cot"], rule.model_copy(update={"order": ("cot",)}))
        votes = {v.problem_id: v.correct for v in elected if (v.row, v.split) == ("vote", "test")}
        for each in by_problem(one_thought):
            if each[0].split == "test":
                counted = elect(each, ["cot"]).correct
                expected = any(p.correct for p in each) if score is perfect else counted
                assert votes[each[0].problem_id] == expected


def test_what_ranks_is_compared_within_problems_and_said_plainly():
    drawn = [[GOLD, 7, 7, 7, GOLD, GOLD, 7, None] for _ in range(20)]
    paths = [
        replace(one, text="x" * (9 if one.correct else 5), logprob=-0.1 - (not one.correct))
        for one in paths_of(drawn, perfect)
    ]
    tuned = [replace(one, split="validation") for one in paths]
    found = selections(paths, tuned, ["cot", "pot"])["cot"]
    assert found["ranked"] == 20 and found["paths"] == PATHS
    assert {name: one["mean"] for name, one in found["auc"].items()} == {
        SCORE: 1.0,
        LOGPROB: 1.0,
        LENGTH: 1.0,  # validation has said that longer is better
    }
    assert verdict(found).endswith(
        "does not rank measurably better than log-probability or length."
    )
    untuned = selections(paths, [], ["cot", "pot"])["cot"]
    assert untuned["auc"][LENGTH]["mean"] == 0.0
    assert untuned["gains"][LENGTH]["ci95"][0] > 0
    assert verdict(untuned).endswith("than log-probability; it does than length.")


def test_a_run_without_scores_has_no_such_part():
    paths = [replace(one, score=None) for one in paths_of([[GOLD] * 8], perfect)]
    assert selections(paths, [], ["cot"]) == {}
    greedy = [replace(one, sample=0, score=0.0) for one in paths]
    assert selections(greedy, [], ["cot"]) == {}


@pytest.mark.parametrize("score", [None, 0.5])
def test_the_analysis_has_it_where_there_are_scores(score):
    paths = [replace(one, score=score) for one in paths_of([[GOLD, 7] * 4], perfect)]
    votes, _ = elections(paths, ["cot", "pot"], plugin("vote", "majority"))
    problem = Problem(id="test0", dataset="toy", split="test", question="?", answer=GOLD)
    table = analyse(paths, votes, {"test0": problem}, ["cot", "pot"])
    assert ("selection" in table["toy"]["after"]) == (score is not None)
