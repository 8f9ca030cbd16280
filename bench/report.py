"""How long a report of 10,000 generations takes to open, search, filter and sort in a browser.

    python -m bench.report [ROUNDS]

Medians in milliseconds, in headless Chromium: from the click to the end of the layout, without
painting. `the page` is from its request until its own script has run; `first search` also makes
the text that is searched.
"""

import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mdexp.report.build import build_report
from tests.browser.chromium import CHROMIUM, driven
from tests.synthetic_run import run_parts

TEXT = "def solve():\n    apples = 12  # of the first basket\n    return apples * 3 + {n}\n" * 4
TOOLS = """
const filters = document.getElementById("filters");
const choose = (name, value) => {
  filters.elements[name].value = value;
  filters.elements[name].dispatchEvent(new Event("input", { bubbles: true }));
};
const sort = (name) => document.querySelector(`[data-sort=${name}]`).click();
const taken = (act) => {
  const start = performance.now();
  act();
  document.body.offsetHeight;
  return performance.now() - start;
};
"""
ACTS = {
    "first search": 'choose("text", "first basket")',
    "search": 'choose("text", "* 3 + 777")',
    "search, none found": 'choose("text", "no such thing")',
    "filter": 'choose("thought", "pot")',
    "sort by number": 'sort("logprob")',
    "sort by name": 'sort("problem")',
    "open": 'document.querySelector("#list tbody button").click()',
}


def bench(folder: Path, rounds: int) -> None:
    parts = run_parts(num_problems=1250, samples=(0, 1))
    parts["generations"] = [
        replace(g, text=TEXT.format(n=n), logprob=-n / 7)
        for n, g in enumerate(parts["generations"])
    ]
    build_report(folder, **parts, programs=["pot"])
    size = (folder / "report.html").stat().st_size
    print(f"{len(parts['generations']):,} generations, a page of {size / 1e6:.1f} MB")
    plays = {"the page": "seen.push(performance.now());"}
    plays |= {name: f"seen.push(taken(() => {act}));" for name, act in ACTS.items()}
    turns = [
        driven(folder / "report.html", TOOLS, plays, folder / f"profile{k}") for k in range(rounds)
    ]
    for name in plays:
        times = sorted(float(turn[name][0]) for turn in turns)
        print(f"{name:<20}{statistics.median(times):8.1f} ms, at most {times[-1]:.1f}")


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit("chromium is not installed")
    with tempfile.TemporaryDirectory() as place:
        bench(Path(place), int(sys.argv[1]) if sys.argv[1:] else 5)
