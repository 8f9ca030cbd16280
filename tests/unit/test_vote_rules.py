"""The rules of a vote: what each counts, and who is said to have decided."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.grading.choosing import half
from mdexp.grading.score import elections
from mdexp.grading.vote import elect
from mdexp.grading.vote_rules.accuracy import AccuracyVote
from mdexp.grading.vote_rules.counting import own_choices
from mdexp.grading.vote_rules.likelihood import Likelihood
from mdexp.grading.vote_rules.majority import Majority
from mdexp.ports import Ballot
from mdexp.ports.parts import build_part
from tests.parts import RULES
from tests.unit.test_vote import path as plain_path

ACCURACY = {"cot": Fraction(1, 10), "pot": Fraction(3, 10)}


def path(thought, answer, sample=0, logprob=-1.0, status="ok"):
    return replace(plain_path(thought, answer, sample, status), logprob=logprob)


def vote(paths, rule, order=("cot", "pot")):
    fitted = AccuracyVote(ACCURACY, ()) if rule == "accuracy" else RULES[rule]()
    return elect(paths, list(order), fitted)


def test_a_surer_path_outweighs_a_guess_of_its_own_thought():
    paths = [path("cot", 7, 1, -2.0), path("cot", 18, 2, -0.1)]
    assert vote(paths, "majority").answer == 7, "a tie, to the earliest"
    likely = vote(paths, "likelihood")
    assert (likely.answer, likely.tie) == (18, False)
    # Shares of e^-2 and e^-0.1, together the two paths that they are.
    assert likely.votes == {"18": 1.739783, "7": 0.260217}


def test_a_log_probability_is_only_compared_within_its_thought():
    sure_code = [path("pot", 7, k, -0.01) for k in (1, 2)]
    unsure_prose = [path("cot", 18, k, -9.0) for k in (1, 2, 3)]
    elected = vote([*sure_code, *unsure_prose], "likelihood")
    assert elected.votes == {"18": 3, "7": 2}


def test_adding_a_constant_to_a_thought_changes_no_likelihood_vote():
    tally = Likelihood().tally
    ballots = [Ballot("1", "cot", -0.3), Ballot("2", "cot", -0.9), Ballot("2", "pot", -0.2)]
    moved = [b._replace(logprob=b.logprob - 700) if b.thought == "cot" else b for b in ballots]
    assert tally(moved) == pytest.approx(tally(ballots))


def test_a_likelihood_vote_without_log_probabilities_is_refused():
    with pytest.raises(ValueError, match="vote=likelihood: an output has no log-probability"):
        vote([path("cot", 18, logprob=None)], "likelihood")


def test_equal_weights_tie_though_floating_point_says_otherwise():
    paths = [path("cot", 7, 1, -0.1), path("cot", 18, 2, -0.1 + 1e-16), path("pot", 7, 1, -0.3)]
    paths += [path("pot", 18, 2, -0.3)]
    assert vote(paths, "likelihood").tie


def test_one_path_of_the_better_thought_outweighs_two_of_the_other():
    paths = [path("cot", 7, 1), path("cot", 7, 2), path("pot", 18, 1)]
    assert vote(paths, "majority").answer == 7
    weighed = vote(paths, "accuracy")
    assert (weighed.answer, weighed.votes) == (18, {"18": 0.3, "7": 0.2})
    three = vote([*paths, path("cot", 7, 3)], "accuracy")
    assert (three.tie, three.answer) == (True, 7), "3 x 1/10 equals 3/10 exactly"


def test_an_accuracy_vote_without_validation_is_refused():
    with pytest.raises(ValueError, match=r"vote=accuracy: eot answered no validation problem"):
        elections([path("eot", 18)], ["eot"], RULES["accuracy"]())


@pytest.mark.parametrize("tally", [{}, {"5": 1}, {"18": -1}, {"18": float("nan")}])
def test_a_rule_that_elects_nobody_or_the_unheard_of_is_refused(tally):
    class Odd(Majority):
        def tally(self, ballots):
            return tally

    with pytest.raises(ValueError, match=r"vote=majority: .* some of the answers 18, got"):
        elect([path("cot", 18)], ["cot"], Odd())


def test_one_that_weighs_nothing_still_answers_alone():
    alone = elect([path("cot", 18)], ["cot"], AccuracyVote({"cot": Fraction(0)}, ()))
    assert (alone.answer, alone.tie, alone.votes) == (18, False, {"18": 0})


def test_what_two_thoughts_choose_comes_before_the_order_and_the_number_of_paths():
    paths = [path("eot", 5), path("cot", 18), path("pot", 18)]
    assert vote(paths, "agreement", ["eot", "pot", "cot"]).answer == 18
    assert vote(paths, "cascade", ["eot", "pot", "cot"]).answer == 5
    # Each thought chooses 18 by its own majority, though 7 has as many paths overall.
    split = [path("cot", 18, 1), path("cot", 18, 2), path("cot", 7, 3)]
    split += [path("pot", 18, 1), path("pot", 7, 2), path("pot", 18, 3)]
    assert vote(split, "agreement").votes == {"18": 2}


def test_without_agreement_the_first_of_the_order_decides():
    paths = [path("cot", 7), path("pot", 18)]
    elected = vote(paths, "agreement", ["pot", "cot"])
    assert (elected.answer, elected.tie) == (18, False)
    assert vote([path("pot", None, status="timeout"), paths[0]], "agreement").answer == 7


def test_a_thought_chooses_its_most_frequent_then_its_earliest_answer():
    ballots = [Ballot("1", "cot"), Ballot("2", "cot"), Ballot("2", "cot"), Ballot("3", "pot")]
    assert own_choices(ballots) == {"cot": "2", "pot": "3"}
    assert own_choices(ballots[:2]) == {"cot": "1"}


@pytest.mark.parametrize(
    ("answers", "decided"),
    [
        ({"cot": 18, "pot": "18.0"}, "agreement"),
        ({"cot": 18, "pot": None}, "cot only"),
        ({"cot": None, "pot": 7}, "pot only"),
        ({"cot": 18, "pot": 7}, "pot overruled"),
        ({"cot": None, "pot": None}, "nobody"),
        ({"cot": 18, "pot": 7, "eot": 5}, "pot, eot overruled"),
        ({"cot": 18, "pot": 7, "eot": 7}, "cot overruled"),
    ],
)
def test_a_vote_says_who_decided(answers, decided):
    paths = [path(thought, answer) for thought, answer in answers.items()]
    assert vote(paths, "majority", list(answers)).decided == decided


def test_a_thought_outside_the_order_is_not_overruled():
    assert vote([path("cot", 18), path("pot", 7)], "cascade", ["cot"]).decided == "cot only"


ballots = st.lists(
    st.tuples(
        st.sampled_from(["cot", "pot"]),
        st.sampled_from([None, 18, 7, 3.5]),
        st.sampled_from([-0.25, -1.0, -3.0]),
    ),
    min_size=1,
    max_size=6,
)


@given(ballots, st.sampled_from(list(RULES)))
def test_no_rule_depends_on_the_order_in_which_paths_come(drawn, rule):
    paths = [path(t, a, k, logprob) for k, (t, a, logprob) in enumerate(drawn)]
    once = vote(paths, rule)
    assert all(vote(list(other), rule) == once for other in list(permutations(paths))[:24])


@given(ballots, st.sampled_from(list(RULES)))
def test_failures_never_change_a_vote(drawn, rule):
    paths = [path(t, a, k, logprob) for k, (t, a, logprob) in enumerate(drawn)]
    failed = [path(t, None, 10 + k, None, "timeout") for k, t in enumerate(("cot", "pot"))]
    assert vote([*paths, *failed], rule) == vote(paths, rule)


@given(ballots, st.sampled_from(list(RULES)))
def test_where_all_answers_agree_every_rule_elects_them(drawn, rule):
    paths = [path(t, 18, k, logprob) for k, (t, _, logprob) in enumerate(drawn)]
    elected = vote(paths, rule)
    assert (elected.answer, elected.tie, elected.correct) == (18, False, True)


SCORED = {
    "_target_": "mdexp.grading.vote_rules.scorer.ScorerVote",
    "temperatures": [1.0, 0.1],
    "scorer": {"_target_": "mdexp.grading.scorers.calibrated.Calibrated", "prior": 1.0},
}


def on_validation(number, right, wrong):
    """Two paths of a problem whose answer is 18."""
    paths = [path("cot", 18, 1, right), path("cot", 7, 2, wrong)]
    return [
        replace(p, problem_id=f"v{number}", split="validation", correct=p.answer == 18)
        for p in paths
    ]


def test_a_scorer_weighs_as_validation_problems_teach_and_they_choose_its_temperature():
    rule = build_part(SCORED)
    # Sure paths are right; in the last problem two half-sure wrong ones outvote a sure right one.
    rows = [row for n in range(8) for row in on_validation(n, -0.1, -2.0)]
    odd = [path("cot", 18, 1, -0.1), path("cot", 7, 2, -1.0), path("cot", 7, 3, -1.0)]
    rows += [replace(p, problem_id="v8", split="validation", correct=p.answer == 18) for p in odd]
    tested = [replace(p, problem_id="t", split="test", correct=False) for p in odd]
    elected, chosen = elections([*rows, *tested], ["cot"], rule)
    by_problem = {vote.problem_id: vote for vote in elected if vote.row == "vote"}
    assert chosen == {"after": {"temperature 0.1": 9, "temperature 1": 8}}
    assert (by_problem["t"].answer, by_problem["t"].rule) == (18, "scorer")
    assert vote(tested, "majority").answer == 7


class Remembers:
    """A rule that learns: it notes the problems that teach it, and which ones it then weighs."""

    name, all_vote, needs_validation, order = "remembers", True, True, ()

    def __init__(self, taught=None, weighed=None):
        self.taught, self.weighed = taught, {} if weighed is None else weighed

    def learned(self, paths):
        return [Remembers(frozenset(p.problem_id for p in paths), self.weighed) for _ in range(2)]

    def tally(self, ballots):
        self.weighed.setdefault(self.taught, set()).add(ballots[0].path.problem_id)
        return {ballots[0].key: 1}

    def describe(self, order):
        return f"{id(self)}"


def test_no_problem_chooses_by_what_a_rule_learned_from_it():
    rule = Remembers()
    rows = [row for n in range(20) for row in on_validation(n, -0.1, -2.0)]
    tested = replace(path("cot", 18, 1), problem_id="t", split="test")
    elected, _ = elections([*rows, tested], ["cot"], rule)
    everything = frozenset(f"v{n}" for n in range(20))
    assert rule.weighed.pop(everything) == {"t"}, "the test is weighed by what all have taught"
    first, second = rule.weighed.items()
    assert first == (frozenset(second[1]), set(second[0])) and first[0] | second[0] == everything
    assert min(len(first[0]), len(second[0])) > 4
    assert len([vote for vote in elected if vote.row == "vote"]) == 21


def test_a_half_is_the_same_in_every_process():
    assert [half(f"v{n}") for n in range(12)] == [half(f"v{n}") for n in range(12)]
    assert 350 < sum(half(f"p{n}") for n in range(800)) < 450


def test_chances_of_different_thoughts_can_be_compared():
    """Code is surer than prose and here more often wrong: its paths weigh less."""
    rows = []
    for n in range(12):
        right = {"cot": n % 4 > 0, "pot": n % 4 == 0}
        for thought, logprob in (("cot", -1.0), ("pot", -0.01)):
            answer = 18 if right[thought] else 7
            one = path(thought, answer, 1, logprob + 0.001 * n)
            rows.append(replace(one, problem_id=f"v{n}", split="validation", correct=answer == 18))
    score = build_part(SCORED["scorer"]).fit(rows)
    cot, pot = score([path("cot", 18, 1, -1.0), path("pot", 7, 1, -0.01)])
    assert exp(cot) == pytest.approx(9 / 12, abs=0.08)
    assert exp(pot) == pytest.approx(3 / 12, abs=0.08)


@pytest.mark.parametrize("right", [True, False])
def test_a_student_that_is_always_right_or_wrong_is_no_error(right, caplog):
    rows = [replace(path("cot", 18, n), split="validation", correct=right) for n in range(4)]
    score = build_part(SCORED["scorer"]).fit(rows)
    assert exp(score(rows)[0]) == pytest.approx((5 if right else 1) / 6)
    assert "no two kinds of paths" in caplog.text
    assert score([]) == [] and build_part(SCORED["scorer"]).fit([])(rows[:1])


def test_accuracy_weighs_by_the_paths_that_vote():
    greedy = [path("cot", 18, 0), path("pot", 7, 0)]
    sampled = [path("cot", 7, 1), path("cot", 7, 2), path("pot", 18, 1), path("pot", 18, 2)]
    there = [
        replace(p, problem_id="v", split="validation", correct=p.answer == 18)
        for p in (*greedy, *sampled)
    ]
    tested = [replace(p, problem_id="t") for p in (path("cot", 7, 1), path("pot", 18, 1))]
    elected, chosen = elections([*there, *tested], ["cot", "pot"], RULES["accuracy"]())
    assert elected[-1].votes == {"18": 0.75, "7": 0.25}
    assert list(chosen["after"]) == ["pot 0.75, cot 0.25"]


def test_each_half_of_the_validation_problems_is_weighed_by_the_other():
    """Code is right in one half only: there prose decides, in the other one code."""
    ids = [f"v{n}" for n in range(20)]
    rows = [
        replace(one, problem_id=id, split="validation", correct=is_right)
        for id in ids
        for one, is_right in ((path("cot", 18), half(id) == 0), (path("pot", 7), half(id) == 1))
    ]
    elected, chosen = elections(rows, ["cot", "pot"], RULES["accuracy"]())
    answers = {v.problem_id: v.answer for v in elected if v.row == "vote"}
    assert answers == {id: 7 if half(id) == 0 else 18 for id in ids}
    assert list(chosen["after"].values()) == [0]
