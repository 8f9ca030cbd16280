"""The curves of a sweep: what is an axis, what a line, and what several seeds are."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from mdexp.sweeps.chart import chart
from mdexp.sweeps.curves import Curve, SweepPoint, curve_rows, sweep_curves, swept_numbers
from mdexp.sweeps.jobs import JobResult
from mdexp.sweeps.overview import write_overview


def job(accuracy: float, *overrides: str, number: int = 0) -> JobResult:
    row = {
        "n": 100,
        "accuracy": accuracy,
        "ci95": [accuracy - 0.1, accuracy + 0.1],
        "num_paths": 2,
        "rule": "majority, ties to cot, pot",
    }
    return JobResult(
        job=number,
        state="ok",
        overrides=["student=tiny", *overrides],
        folder=f"sweep/{number}",
        metrics={"toy": {"after": {"vote": row}}},
    )


SEEDS = [
    job(0.25, "lambda=0", "seed=0"),
    job(0.75, "lambda=0", "seed=1"),
    job(0.5, "lambda=1", "seed=0"),
    job(0.75, "lambda=1", "seed=1"),
]


def test_a_swept_number_is_an_axis_and_the_rest_names_the_lines() -> None:
    found = sweep_curves([job(0.2, "lambda=0", "num_paths=1"), job(0.4, "lambda=1", "num_paths=2")])
    assert [curve.key for curve in found] == ["lambda", "num_paths"]
    assert list(found[0].lines) == ["tie-break, num_paths=1", "tie-break, num_paths=2"]
    (point,) = found[0].lines["tie-break, num_paths=1"]
    assert (point.x, point.accuracy, point.seeds) == (0, 0.2, ())
    assert point.ci95 == pytest.approx((0.1, 0.3))


def test_curves_of_one_way_each_have_a_title_of_their_own() -> None:
    """Of three by five jobs with two ways, a curve over λ would have ten lines."""
    grid = [job(0.5, f"lambda={a}", f"num_paths={b}") for a in (0, 0.5, 1) for b in range(1, 6)]
    for one in grid:
        ways = one.metrics["toy"]["after"]
        ways["cot"] = dict(ways["vote"])
    curves = sweep_curves(grid)
    titles = [curve.title for curve in curves]
    assert titles == ["toy, cot of 2 by λ", "toy, tie-break by λ", "toy by num_paths"]
    assert curves[0].labels == [f"num_paths={k}" for k in range(1, 6)]
    assert "cot of 2, lambda=0" in curves[2].labels


def test_a_seed_is_no_axis_and_names_no_line() -> None:
    assert swept_numbers(SEEDS) == ["lambda"]
    (curve,) = sweep_curves(SEEDS)
    assert curve.title == "toy, tie-break by λ"
    assert curve.lines == {
        "tie-break": [
            SweepPoint(x=0, accuracy=0.5, seeds=(0.25, 0.75)),
            SweepPoint(x=1, accuracy=0.625, seeds=(0.5, 0.75)),
        ]
    }
    rows = [("toy", "lambda", 0, "tie-break", 0.5, None, None)]
    assert curve_rows(SEEDS) == [*rows, ("toy", "lambda", 1, "tie-break", 0.625, None, None)]


def test_seeds_of_other_settings_are_other_points() -> None:
    results = [
        job(0.2, "thought=[cot]", "lambda=0", "seed=0"),
        job(0.4, "thought=[cot]", "lambda=1", "seed=1"),
        job(0.6, "thought=[pot]", "lambda=0", "seed=0"),
    ]
    (curve,) = sweep_curves(results)
    assert list(curve.lines) == ["tie-break, thought=[cot]", "tie-break, thought=[pot]"]
    assert not any(point.seeds for line in curve.lines.values() for point in line)


def test_a_sweep_over_seeds_alone_has_no_curve() -> None:
    assert sweep_curves([job(0.2, "seed=0"), job(0.4, "seed=1")]) == []


def test_several_seeds_are_rings_about_their_mean_and_have_no_bar() -> None:
    (curve,) = sweep_curves(SEEDS)
    drawn = ElementTree.fromstring(chart(curve)).find("g[@class='series-0']")
    assert drawn is not None
    rings = [ring.get("cy") for ring in drawn.findall("circle[@class='seed']")]
    assert len(rings) == 4 and len(drawn.findall("circle")) == 4 + 2
    assert not drawn.findall("line"), "of several seeds there is no interval"
    single = Curve(key="lambda", dataset="toy", lines={"vote": [SweepPoint(x=0, accuracy=0.5)]})
    assert "seed" not in chart(single)


def test_the_highest_seed_is_within_the_chart() -> None:
    high = [job(0.1, "lambda=0", "seed=0"), job(0.95, "lambda=0", "seed=1"), job(0.1, "lambda=1")]
    (curve,) = sweep_curves(high)
    ring = ElementTree.fromstring(chart(curve)).findall(".//circle[@class='seed']")[1]
    assert float(ring.get("cy", "nan")) >= 16


@pytest.mark.parametrize(("results", "said"), [(SEEDS, True), (SEEDS[::2], False)])
def test_the_page_says_what_a_point_of_several_seeds_is(
    results: list[JobResult], said: bool, tmp_path: Path
) -> None:
    write_overview(tmp_path, results)
    page = (tmp_path / "sweep.html").read_text()
    assert "toy, tie-break by λ" in page and ("each ring is one seed" in page) is said
