"""The page as it is seen: on a telephone, in the dark, on paper. In a real browser."""

import pytest

from mdexp.records import Lesson, Segment
from mdexp.report.build import build_report
from tests.browser.chromium import CHROMIUM, MISSING, driven
from tests.synthetic_run import THREE, history, run_parts

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

DARK = "--blink-settings=preferredColorScheme=0"
# Colours are mixed as the screen does it, on one pixel: a background may be half transparent.
TOOLS = """
const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const mixed = (colours) => {
  pixel.clearRect(0, 0, 1, 1);
  for (const colour of colours) {
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
  }
  return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  const colours = [];
  for (let at = element; at; at = at.parentElement) {
    colours.unshift(getComputedStyle(at).backgroundColor);
  }
  return colours;
};
const contrast = (element, colour, ground = behind(element)) => {
  const [low, high] = [luminance(mixed([...ground, colour])), luminance(mixed(ground))].sort(
    (a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const shown = (element) => element.getClientRects().length > 0;
const media = (query) => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
  .filter((rule) => rule.media?.mediaText.includes(query));
for (const part of document.querySelectorAll("details")) part.open = true;
document.querySelector("#list tbody th > button").click();
"""
TEXTS = """
  for (const element of document.querySelectorAll("body *")) {
    const said = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!said || !shown(element) || element.disabled || element.closest("script, .skip")) continue;
    const style = getComputedStyle(element);
    const found = contrast(element, element.closest("svg") ? style.fill : style.color);
    if (found < 4.5) seen.push(`${found.toFixed(2)} ${element.outerHTML.slice(0, 80)}`);
  }
"""
DRAWN = {  # a graphic needs 3 : 1, WCAG 2.2, 1.4.11
    ".chart polyline:not(.pass)": "stroke",
    ".chart circle": "stroke",
    ".strip line:not(.grid)": "stroke",
    ".strip circle": "fill",
    ".forest circle": "fill",
    ".dot": "backgroundColor",
    ".bar i": "backgroundColor",
    "#filters input, #filters select, #filters button": "borderTopColor",
}
GRAPHICS = "".join(
    f"""
  for (const element of document.querySelectorAll("{selector}")) {{
    const colour = getComputedStyle(element).{part};
    const found = contrast(element, colour, behind(element.parentElement));
    if (found < 3) seen.push(`${{found.toFixed(2)}} ${{element.outerHTML.slice(0, 80)}}`);
  }}
  if (!document.querySelector("{selector}")) seen.push("there is no {selector}");
"""
    for selector, part in DRAWN.items()
)
PLAYS = {
    "page": "seen.push(getComputedStyle(document.body).backgroundColor);",
    "texts": TEXTS,
    "graphics": GRAPHICS,
}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report with every part that there can be."""
    folder = tmp_path_factory.mktemp("looks")
    parts = run_parts(
        num_problems=40,
        samples=(0, 1, 2, 3),
        thoughts=THREE,
        text="ans = 1 # one",
        types=("more", "less"),
    )
    funnel = [
        {"thought": name, "teachers": ["gpt-x"], "asked": 9, "returned": 8, "verified": 5}
        | {"lessons": 5, "examples": 4}
        | {"rejected": {"wrong_answer": 3}, "unused": {"too_long": 1}, "left_over": {}}
        for name in THREE
    ]
    stage = {"name": "train", "key": "af61e9bd242e8c56", "state": "run", "seconds": 90.0}
    counts = {"tokens": 1024, "dropped": {"too_long": 2}}
    parts |= {"history": history(60), "funnel": funnel}
    parts["run"] = {"stages": [stage | {"counts": counts}], "sandbox": {"tiers": [], "lacks": "x"}}
    written = Segment(author="writer", text="ans = 6 # two\n" * 3, scored=True)
    lessons = [
        Lesson(id="", problem_id="p0", thought=name, sample=0, segments=(written,), sources=())
        for name in THREE
    ]
    build_report(folder, **parts, programs=["pot"], lessons=lessons)
    return folder / "report.html"


def look(page, tmp_path, plays, *flags, tools="", width=None):
    return driven(page, TOOLS + tools, plays, tmp_path / "profile", *flags, width=width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(page, tmp_path, scheme):
    seen = look(page, tmp_path, PLAYS, *[DARK][: scheme == "dark"])
    assert seen["page"] == {"light": ["rgb(252, 252, 250)"], "dark": ["rgb(20, 23, 27)"]}[scheme]
    assert seen["texts"] == [] and seen["graphics"] == []


def test_a_telephone_scrolls_tables_and_never_the_page(page, tmp_path):
    wide = """
      seen.push(innerWidth, document.documentElement.scrollWidth);
      for (const element of document.querySelectorAll("main *, header *")) {
        const box = element.getBoundingClientRect();
        if (shown(element) && box.right > innerWidth + 1 && !element.closest(".scroll, .skip")) {
          seen.push(element.outerHTML.slice(0, 80));
        }
      }
    """
    assert look(page, tmp_path, {"wide": wide}, width=400)["wide"] == ["400", "400"]


def test_on_paper_is_all_but_the_list_of_generations(page, tmp_path):
    printed = 'media("print")[0].media.mediaText = "all";'
    sections = """
      seen.push(...[...document.querySelectorAll("main h2")].filter(shown).map((h) => h.id));
      seen.push(shown(document.getElementById("filters")));
      seen.push(document.body.innerText.includes("Enter opens"));
      const closed = document.querySelector("details:has(table)");
      closed.open = false;
      seen.push(closed.querySelector("table").checkVisibility());
    """
    seen = look(page, tmp_path, {"sections": sections}, tools=printed)["sections"]
    expected = ["results", "curves", "solved", "kinds", "errors", "graders", "funnel", "training"]
    assert seen == [*expected, "run", "false", "false", "true"], "what is closed is printed too"
