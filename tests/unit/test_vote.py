"""Votes: failures abstain, equal numbers are one candidate, ties follow the written rule."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.grading.vote import elect, trust, voters
from mdexp.grading.vote_rules.cascade import Cascade
from mdexp.records import Answer, Generation

GOLD = 18


def path(thought: str, answer: Answer | None, sample: int = 0, status: str = "ok") -> Generation:
    return Generation(
        problem_id="p1",
        dataset="toy",
        split="test",
        phase="after",
        thought=thought,
        sample=sample,
        num_shots=0,
        text="",
        answer=answer,
        status=status,
        correct=answer in (GOLD, "18", "18.0", "$18.00"),
    )


def test_equal_numbers_written_differently_are_one_candidate():
    paths = [path("cot", "18"), path("cot", "18.0", 1), path("pot", 18, 0), path("pot", 7, 1)]
    vote = elect(paths, ["cot", "pot"])
    assert (vote.answer, vote.correct, vote.tie) == ("18", True, False)
    assert vote.votes == {"18": 3, "7": 1}


def test_failures_abstain_even_when_they_are_the_most():
    failures = [path("pot", None, sample, "timeout") for sample in range(5)]
    vote = elect([*failures, path("cot", 18)], ["pot", "cot"])
    assert (vote.answer, vote.votes, vote.tie) == (18, {"18": 1}, False)


def test_an_answer_on_whose_paths_verdicts_part_is_judged_as_most_of_them():
    right, wrong = path("cot", "18.0"), path("cot", 18.0000001)
    assert (right.correct, wrong.correct) == (True, False)
    for marks, verdict in (([right, right, wrong], True), ([right, wrong], False)):
        for ordered in (marks, marks[::-1]):
            cast = [replace(p, sample=k) for k, p in enumerate(ordered)]
            assert elect(cast, ["cot"]).correct is verdict


def test_a_vote_in_which_all_abstain_is_wrong_and_no_tie():
    vote = elect([path("cot", None, status="no_answer")], ["cot"])
    assert (vote.answer, vote.correct, vote.tie, vote.votes) == (None, False, False, {})


def test_a_tie_goes_to_the_trusted_thought_whatever_the_order_of_paths():
    paths = [path("cot", 7), path("pot", 18)]
    for order in (paths, paths[::-1]):
        vote = elect(order, ["pot", "cot"])
        assert (vote.answer, vote.tie) == (18, True)
        assert elect(order, ["cot", "pot"]).answer == 7


def test_within_a_thought_a_tie_goes_to_the_earliest_sample():
    vote = elect([path("cot", 7, sample=2), path("cot", 18, sample=1)], ["cot"])
    assert (vote.answer, vote.tie) == (18, True)


def test_the_trusted_thought_only_settles_ties():
    paths = [path("pot", 7), path("cot", 18, 1), path("cot", 18, 2)]
    assert elect(paths, ["pot", "cot"]).answer == 18


def test_trust_is_validation_accuracy_then_the_given_order():
    assert trust(["cot", "pot"], {"cot": 0.2, "pot": 0.3}) == ["pot", "cot"]
    assert trust(["cot", "pot"], {"cot": 0.3, "pot": 0.3}) == ["cot", "pot"]
    assert trust(["cot", "pot"], {}) == ["cot", "pot"]


def test_sampled_paths_vote_and_greedy_ones_only_where_nothing_was_sampled():
    greedy, sampled = path("cot", 7, 0), path("cot", 18, 1)
    assert voters([greedy, sampled]) == [sampled]
    assert voters([greedy]) == [greedy]


ORDERS = ["cot pot eot", "cot eot pot", "pot cot eot", "pot eot cot", "eot cot pot", "eot pot cot"]


@pytest.mark.parametrize("order", ORDERS)
def test_three_that_differ_tie_and_each_order_settles_it(order):
    first, *_ = order.split()
    paths = [path("cot", 1), path("pot", 2), path("eot", 3)]
    vote = elect(paths, order.split())
    assert (vote.answer, vote.tie) == ({"cot": 1, "pot": 2, "eot": 3}[first], True)
    assert (vote.rule, vote.order) == ("majority", order.split())


def test_two_of_three_outvote_the_first_of_the_order():
    vote = elect([path("cot", 18), path("pot", "18.0"), path("eot", 7)], ["eot", "pot", "cot"])
    assert (vote.correct, vote.tie, vote.votes) == (True, False, {"18": 2, "7": 1})


@pytest.mark.parametrize(
    ("answers", "answer"),
    [
        ({"eot": 18, "pot": 7, "cot": 7}, 18),
        ({"eot": None, "pot": 7, "cot": 18}, 7),
        ({"eot": None, "pot": None, "cot": 18}, 18),
        ({"eot": None, "pot": None, "cot": None}, None),
    ],
    ids=["first", "second", "third", "none"],
)
def test_in_a_cascade_the_first_that_answers_decides(answers, answer):
    paths = [path(thought, given) for thought, given in answers.items()]
    for cast in (paths, paths[::-1]):
        vote = elect(cast, ["eot", "pot", "cot"], Cascade())
        assert (vote.answer, vote.tie) == (answer, False)
        assert vote.votes == ({str(answer): 1} if answer else {}), "only what decides is counted"
        assert (vote.rule, vote.order) == ("cascade", ["eot", "pot", "cot"])


def test_in_a_cascade_the_samples_of_the_deciding_thought_vote_among_themselves():
    eot = [path("eot", 7, 1), path("eot", 18, 2), path("eot", 18, 3), path("eot", None, 4)]
    vote = elect([*eot, *(path("pot", 7, k) for k in range(1, 6))], ["eot", "pot"], Cascade())
    assert (vote.answer, vote.votes) == (18, {"18": 2, "7": 1})


def test_a_thought_that_a_cascade_leaves_out_has_no_say():
    paths = [path("pot", 7), path("eot", None), path("cot", 18)]
    assert elect(paths, ["eot", "cot"], Cascade()).answer == 18
    assert elect(paths[:2], ["eot", "cot"], Cascade()).answer is None


ballots = st.lists(
    st.tuples(st.sampled_from(["cot", "pot"]), st.sampled_from([None, 18, "18.0", 7, "x", 3.5])),
    min_size=1,
    max_size=8,
)


@given(ballots, st.randoms())
def test_a_vote_does_not_depend_on_the_order_of_paths(ballots, random):
    paths = [path(thought, answer, i) for i, (thought, answer) in enumerate(ballots)]
    shuffled = random.sample(paths, len(paths))
    assert elect(paths, ["cot", "pot"]) == elect(shuffled, ["cot", "pot"])


@given(ballots)
def test_the_elected_answer_has_the_most_votes(ballots):
    vote = elect([path(t, a, i) for i, (t, a) in enumerate(ballots)], ["cot", "pot"])
    most = max(vote.votes.values(), default=0)
    assert vote.tie == (list(vote.votes.values()).count(most) > 1)
    assert sum(vote.votes.values()) == sum(answer not in (None, "x") for _, answer in ballots)
    if vote.answer is not None:
        assert vote.votes[{18: "18", "18.0": "18", 7: "7", 3.5: "3.5"}[vote.answer]] == most
