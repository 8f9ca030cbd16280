"""The page of a sweep as it is seen: on a wide screen and on a telephone. In a real browser."""

import json
from pathlib import Path

import pytest

from mdexp.sweeps.jobs import JobResult
from mdexp.sweeps.overview import write_overview
from tests.browser.chromium import CHROMIUM, MISSING, driven

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
WAYS = ("cot", "pot", "eot", "vote of 6")
# `play` resets a form, which this page lacks.
TOOLS = """
document.body.append(Object.assign(document.createElement("form"), { id: "filters" }));
"""
PLAYS = {
    "legend": """
        for (const item of document.querySelectorAll(".legend li")) {
          const box = item.getBoundingClientRect();
          const size = parseFloat(getComputedStyle(item).fontSize);
          seen.push(JSON.stringify([item.textContent, size >= 12 && box.right <= innerWidth]));
        }""",
    "axes": """
        const svg = document.querySelector("svg");
        const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
        for (const text of svg.querySelectorAll("text")) {
          const size = scale * parseFloat(getComputedStyle(text).fontSize);
          seen.push(JSON.stringify([text.textContent, size]));
        }""",
    "intervals": """
        for (const interval of document.querySelectorAll(".number .soft")) {
          seen.push(interval.getClientRects().length);
        }""",
    "over": "seen.push(document.documentElement.scrollWidth - innerWidth);",
    "table": """
        const table = document.querySelector(".wide");
        seen.push(table.scrollWidth - table.clientWidth);""",
}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    measured = {"n": 300, "accuracy": 0.5, "ci95": [0.44, 0.56], "num_paths": 1, "rule": "greedy"}
    vote = measured | {"num_paths": 6, "rule": "majority, ties to cot, pot, eot"}
    rows = dict.fromkeys(WAYS[:3], measured) | {"vote": vote}
    results = [
        JobResult(
            job=number,
            state="ok",
            overrides=[f"lambda={number / 4}", "dataset=svamp"],
            folder=str(tmp_path / str(number)),
            metrics={name: {"after": rows} for name in ("svamp", "asdiv")},
        )
        for number in range(5)
    ]
    write_overview(tmp_path, results)
    return tmp_path / "sweep.html"


@pytest.mark.parametrize("width", [400, 1280])
def test_legend_and_axes_are_legible_and_nothing_is_off_the_screen(
    width: int, page: Path, tmp_path: Path
) -> None:
    seen = driven(page, TOOLS, PLAYS, tmp_path / "profile", width=width)
    legend = [json.loads(item) for item in seen["legend"]]
    assert legend == [[way, True] for way in WAYS] * 2, "one chart a set, with all ways"
    axes = dict(json.loads(text) for text in seen["axes"])
    assert {"λ", "% right"} <= set(axes)
    assert min(axes.values()) >= 10
    assert set(seen["intervals"]) == {"1"}, "an interval stands on one line"
    assert int(seen["over"][0]) <= 0
    if width == 1280:
        assert int(seen["table"][0]) <= 0


def test_the_page_says_what_so_many_problems_can_show(page: Path) -> None:
    assert "svamp: n = 300 sees differences above 7 points." in page.read_text()
