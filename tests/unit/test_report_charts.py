"""The charts: each is well formed, tells its lines apart, and says in words what it shows."""

import re
from importlib.resources import files
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from mdexp.grading.vote_rules.majority import Majority
from mdexp.report.build import build_report
from mdexp.report.charts import loss_curve, strip, ticks, training_told
from mdexp.report.curve_chart import curve_chart
from mdexp.report.series import series_classes
from tests.synthetic_run import THREE, history, run_parts

CLASSES = series_classes(THREE)


def names(chart):
    """Where each name at the end of a line stands."""
    return {
        text.text: (float(text.get("x")), float(text.get("y")))
        for text in chart.findall("text")
        if text.get("class", "").startswith("name")
    }


@pytest.mark.parametrize("steps", [1, 7, 2000])
def test_the_loss_curve_is_well_formed_and_short(steps):
    chart = ElementTree.fromstring(loss_curve(history(steps), CLASSES))
    lines = chart.findall("polyline")
    assert [line.get("class") for line in lines] == [f"series-{k}" for k in range(4)]
    assert 1 <= len(lines[0].get("points").split()) <= 300
    assert names(chart).keys() == {"loss", "cot", "pot", "eot"}


def test_names_stand_at_the_ends_of_their_lines_and_never_on_each_other():
    chart = ElementTree.fromstring(loss_curve(history(50), CLASSES))
    end = chart.find("polyline").get("points").split()[-1].split(",")
    left, top = names(chart)["loss"]
    assert left == pytest.approx(float(end[0]) + 8) and top == pytest.approx(float(end[1]) + 4)
    heights = sorted(top for _, top in names(chart).values())
    assert min(b - a for a, b in pairwise(heights)) >= 14, "all four end at 1"


def test_a_thought_has_one_style_whatever_the_vote_s_order():
    parts = run_parts(samples=(0, 1, 2), thoughts=THREE, rule=Majority(order=["eot", "pot", "cot"]))
    curves = parts["analysis"]["toy"]["after"]["curves"]
    classes = series_classes(["pot", "eot", "cot"])
    charts = [curve_chart(curves, classes), loss_curve(history(9), classes)]
    for thought in THREE:
        styles = {re.search(rf"name (series-\d)[^>]*>{thought}<", chart)[1] for chart in charts}
        assert styles == {classes[thought]}
    assert f"name {classes['mix']}" in charts[0]


def test_every_style_that_is_given_out_is_set_by_the_page():
    classes = series_classes([f"t{k}" for k in range(20)])
    assert len(set(classes.values())) == 7
    css = (files("mdexp.report") / "templates" / "style.css").read_text()
    looks = [re.search(rf"\.{name} {{ (.*) }}", css)[1] for name in sorted(set(classes.values()))]
    for part in ("--line", "--dashes"):
        assert len({re.search(rf"{part}: ([^;]*);", look)[1] for look in looks}) == 7
    assert series_classes(["cot", "mix"])["mix"] == "series-0", "a total keeps its style"


def test_the_last_losses_are_told_in_words():
    rows = [{"step": 0, "loss": 1.5, "nll_cot": 1.0}, {"step": 1, "loss": 0.5, "nll_pot": 0.25}]
    told = "2 steps; loss 1.500 at the first, 0.500 at the last; there, in nats per target token: "
    assert training_told(rows) == f"{told}cot 1.000, pot 0.250."


def test_a_falling_loss_falls_on_paper():
    points = ElementTree.fromstring(loss_curve(history(50), CLASSES)).find("polyline").get("points")
    heights = [float(point.split(",")[1]) for point in points.split()]
    assert heights == sorted(heights) and heights[0] < heights[-1], "y grows downwards"


def test_ticks_are_round_and_enclose():
    assert ticks(0, 2.2) == [0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert ticks(0, 12) == [0, 2.5, 5, 7.5, 10, 12.5]
    assert ticks(0, 12, whole=True) == [0, 5, 10, 15]
    assert ticks(0, 3, whole=True) == [0, 1, 2, 3]
    assert ticks(1, 1)[0] <= 1 <= ticks(1, 1)[-1]
    assert len(set(ticks(0, 0))) > 1


def test_a_strip_shows_the_phases_there_are():
    row = run_parts()["metrics"]["toy"]["after"]["cot"]
    chart = ElementTree.fromstring(strip(None, row))
    assert [circle.get("class") for circle in chart.findall("circle")] == ["after"]
    assert float(chart.find("circle").get("cx")) == pytest.approx(0.6 * 180)


def test_curves_are_drawn_with_bands_and_told_point_by_point(tmp_path):
    parts = run_parts(samples=(0, 1, 2, 3))
    curves = parts["analysis"]["toy"]["after"]["curves"]
    chart = ElementTree.fromstring(curve_chart(curves, CLASSES))
    assert len(chart.findall("polygon")) == 3, "a band for cot, pot and the mix"
    titles = [title.text for title in chart.iter("title")]
    assert "pot, 3 paths: 80.0 % (50.0 to 100.0); pass@3 80.0 %" in titles
    build_report(tmp_path, **parts)
    markdown, page = (tmp_path / "report.md").read_text(), (tmp_path / "report.html").read_text()
    assert "| mix | 2 | 60.0 % (" in markdown and "The same as a table" in page
    mixed = curves["points"]["mix"][0]
    low, high = (f"{100 * end:.1f}" for end in mixed["pass_ci95"])
    assert f"| {100 * mixed['pass_at']:.1f} % ({low} to {high}) | all |" in markdown
