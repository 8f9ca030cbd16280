"""What the report opens with: the claim is no stronger than its interval and its test."""

from xml.etree import ElementTree

import pytest

from mdexp.report.headline import forest, headlines
from tests.synthetic_run import generation, run_parts
from tests.unit.test_report import written


def opening(parts):
    """What the run says of mixing, which comes last."""
    return headlines(parts["analysis"], parts["generations"], parts["votes"])[-1]


def test_the_report_opens_on_what_mixing_gained_at_equal_budgets(tmp_path):
    parts = run_parts(samples=(0, 1, 2))
    first, second = opening(parts).differences
    # pot solves eight of ten, cot six of these: a mix of both, ties to cot, is right on six.
    assert (first.name, second.name) == ("2 pot paths", "2 cot paths"), "the hardest to beat first"
    assert (first.mean, second.mean) == pytest.approx((-0.2, 0))
    markdown, page = written(tmp_path, **parts)
    assert "\n**Mixing " in markdown and "-20.0 points**" in markdown
    assert page.index("-20.0 points</span></h2>") < page.index("<main>")
    assert "a majority of 1 cot + 1 pot paths against as many paths of one thought" in page


def test_the_report_opens_on_what_training_gained_then_on_what_mixing_gained(tmp_path):
    parts = run_parts(num_problems=40)
    names = {"vote": "tie-break"}
    training, mixing = headlines(parts["analysis"], parts["generations"], parts["votes"], names)
    assert training.claim.startswith("Training ") and mixing.claim.startswith("The tie-break ")
    own, *thoughts = training.differences
    assert (own.name, own.accuracies) == ("tie-break before", (2 / 40, 6 / 40))
    assert [d.name for d in thoughts] == ["cot before", "pot before"]
    assert own.mean == pytest.approx(4 / 40), "the claim is about the run's own answer"
    markdown, page = written(tmp_path, **parts)
    assert markdown.startswith("# Report\n\n**Training ") and "from 5.0 % to 15.0 %" in markdown
    assert page.index("+10.0 points</span></h1>") < page.index('<h2 class="claim">')


def test_single_paths_are_said_not_to_be_equal_budgets():
    answer = opening(run_parts(num_problems=40))
    assert answer.claim.startswith("The vote ")
    assert "The budgets are not equal" in answer.how
    assert answer.differences[0].mean == pytest.approx(-2 / 40), "against pot, the better one"


@pytest.mark.parametrize(
    ("right", "claim", "verdict"),
    [(30, "helped", "above zero"), (0, "hurt", "below zero"), (15, "no clear", "contains zero")],
)
def test_the_claim_is_no_stronger_than_its_interval(right, claim, verdict):
    parts = run_parts(num_problems=0)
    before = [generation(n, "before", "cot", correct=n % 2 == 0) for n in range(30)]
    after = [generation(n, "after", "cot", correct=n < right) for n in range(30)]
    parts["analysis"] = {"toy": {"after": {"curves": None}}}
    [answer] = headlines(parts["analysis"], [*before, *after], [])
    assert claim in answer.claim and verdict in answer.verdict
    assert answer.differences[0].name == "cot before"


@pytest.mark.parametrize(
    ("right", "claim"), [(3, "no clear"), (5, "no clear"), (6, "helped"), (20, "helped")]
)
def test_few_discordant_problems_are_no_claim_though_all_are_of_one_kind(right, claim):
    """Five of 30 alone: the interval lies above zero, and p is 0.0625."""
    before = [generation(n, "before", "cot", correct=False) for n in range(30)]
    after = [generation(n, "after", "cot", correct=n < right) for n in range(30)]
    [answer] = headlines({"toy": {"after": {"curves": None}}}, [*before, *after], [])
    assert answer.differences[0].p == pytest.approx(2 / 2**right)
    assert answer.differences[0].ci95.low > 0 and "lies above zero" in answer.verdict
    assert claim in answer.claim
    p = {3: "p = 0.2500", 5: "p = 0.0625", 6: "p = 0.0312", 20: "p < 0.0001"}[right]
    assert p in answer.verdict


def gain(thought, mean, p, half=0.01):
    return {
        "thought": thought,
        "paths": 4,
        "mean": mean,
        "ci95": [mean - half, mean + half],
        "p": p,
    }


@pytest.mark.parametrize(
    ("gains", "claim", "p"),
    [
        ([gain("cot", -0.1, 0.02), gain("pot", 0.1, 0.9)], "hurt", "0.0400"),
        ([gain("cot", -0.1, 0.03), gain("pot", 0.1, 0.9)], "no clear", "0.0600"),
        ([gain("cot", -0.1, 0.03), gain("pot", 0.2, 0.001)], "hurt", "0.0300"),
    ],
)
def test_the_lowest_of_two_gains_is_corrected_for_being_chosen(gains, claim, p):
    [answer] = headlines({"toy": {"after": {"curves": {"gains": gains}}}}, [], [])
    assert claim in answer.claim and answer.differences[0].name == "4 cot paths"
    tested = f" p = {p} (exact McNemar test, Holm-corrected for 2 comparisons)"
    assert tested in answer.verdict


@pytest.mark.parametrize(
    ("gains", "claim", "p"),
    [
        ([gain("cot", 0.1, 0.03), gain("pot", 0.2, 0.04)], "helped", "0.0400"),
        ([gain("cot", 0.1, 0.001), gain("pot", 0.2, 0.5)], "no clear", "0.5000"),
        ([gain("cot", 0.1, 0.001, half=0.2), gain("pot", 0.2, 0.001)], "no clear", "0.0010"),
    ],
)
def test_mixing_helps_only_where_it_beats_every_thought(gains, claim, p):
    [answer] = headlines({"toy": {"after": {"curves": {"gains": gains}}}}, [], [])
    assert claim in answer.claim
    assert f" p = {p} (exact McNemar test, the largest of 2)" in answer.verdict


def test_a_gain_of_curves_is_tested_over_problems():
    answer = opening(run_parts(samples=(0, 1, 2), num_problems=40))
    # Two of 40 problems are in dispute with pot, none with cot.
    assert [(d.name, d.p) for d in answer.differences] == [("2 pot paths", 0.5), ("2 cot paths", 1)]
    assert "no clear" in answer.claim and "p = 1.0000" in answer.verdict


def test_without_generations_there_is_no_answer():
    assert headlines({}, [], []) == []


def test_the_forest_marks_zero_and_every_difference():
    differences = opening(run_parts(samples=(0, 1, 2))).differences
    chart = ElementTree.fromstring(forest(differences))
    zero = float(chart.find("line").get("x1"))
    places = [float(circle.get("cx")) for circle in chart.findall("circle")]
    assert places[0] < zero and places[1] == pytest.approx(zero)
