"""What the report opens with: the claim is no stronger than its interval and its test."""

from xml.etree import ElementTree

import pytest

from mdexp.report.headline import forest, headline
from tests.synthetic_run import generation, run_parts
from tests.unit.test_report import written


def opening(parts):
    return headline(parts["analysis"], parts["generations"], parts["votes"])


def test_the_report_opens_on_what_mixing_gained_at_equal_budgets(tmp_path):
    parts = run_parts(samples=(0, 1, 2))
    first, second = opening(parts).differences
    # pot solves eight of ten, cot six of these: a mix of both, ties to cot, is right on six.
    assert (first.name, second.name) == ("2 pot paths", "2 cot paths"), "the hardest to beat first"
    assert (first.mean, second.mean) == pytest.approx((-0.2, 0))
    markdown, page = written(tmp_path, **parts)
    assert markdown.startswith("# Report\n\n**Mixing ") and "-20.0 points**" in markdown
    assert page.index("-20.0 points</span></h1>") < page.index("<main>")
    assert "a majority of 1 cot + 1 pot paths against as many paths of one thought" in page


def test_single_paths_are_said_not_to_be_equal_budgets():
    answer = opening(run_parts(num_problems=40))
    assert answer.claim.startswith("The vote ")
    assert "The budgets are not equal" in answer.how
    assert answer.differences[0].mean == pytest.approx(-2 / 40), "against pot, the better one"


@pytest.mark.parametrize(
    ("right", "claim", "verdict"),
    [(30, "helped", "above zero"), (0, "hurt", "below zero"), (15, "no clear", "holds zero")],
)
def test_the_claim_is_no_stronger_than_its_interval(right, claim, verdict):
    parts = run_parts(num_problems=0)
    before = [generation(n, "before", "cot", correct=n % 2 == 0) for n in range(30)]
    after = [generation(n, "after", "cot", correct=n < right) for n in range(30)]
    parts["analysis"] = {"toy": {"after": {"curves": None}}}
    answer = headline(parts["analysis"], [*before, *after], [])
    assert claim in answer.claim and verdict in answer.verdict
    assert answer.differences[0].name == "cot before training"


@pytest.mark.parametrize(
    ("right", "claim"), [(3, "no clear"), (5, "no clear"), (6, "helped"), (20, "helped")]
)
def test_few_discordant_problems_are_no_claim_though_all_are_of_one_kind(right, claim):
    """Five of 30 alone: the interval lies above zero, and p is 0.0625."""
    before = [generation(n, "before", "cot", correct=False) for n in range(30)]
    after = [generation(n, "after", "cot", correct=n < right) for n in range(30)]
    answer = headline({"toy": {"after": {"curves": None}}}, [*before, *after], [])
    assert answer.differences[0].p == pytest.approx(2 / 2**right)
    assert answer.differences[0].ci95.low > 0 and "lies above zero" in answer.verdict
    assert claim in answer.claim
    p = {3: "p = 0.2500", 5: "p = 0.0625", 6: "p = 0.0312", 20: "p < 0.0001"}[right]
    assert p in answer.verdict


def test_a_gain_of_curves_is_judged_by_its_interval():
    answer = opening(run_parts(samples=(0, 1, 2), num_problems=40))
    assert {difference.p for difference in answer.differences} == {None}
    assert "McNemar" not in answer.verdict


def test_without_generations_there_is_no_answer():
    assert headline({}, [], []) is None


def test_the_forest_marks_zero_and_every_difference():
    differences = opening(run_parts(samples=(0, 1, 2))).differences
    chart = ElementTree.fromstring(forest(differences))
    zero = float(chart.find("line").get("x1"))
    places = [float(circle.get("cx")) for circle in chart.findall("circle")]
    assert places[0] < zero and places[1] == pytest.approx(zero)
