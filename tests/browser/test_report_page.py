"""The report in a real browser, where one is installed: it renders, finds, opens and sorts, and no
planted script runs."""

from dataclasses import replace

import pytest

from mdexp.records import Lesson, Segment
from mdexp.report.build import build_report
from tests.browser.chromium import CHROMIUM, MISSING, dom, driven
from tests.synthetic_run import ATTACK, history, run_parts

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

PROGRAM = 'def f(x):\n    return x * 2.5  # "twice" <b>\n\nans = f(4)'
PARTS = {"logprob": -0.25, "ran": 0.5, "new": 1.0, "used": 0.0}
STEP = {"text": "a = 6 # <b>x</b>", "value": "6", "new": True, "error": "", "parts": PARTS}
TRACE = {
    "steps": [
        STEP | {"status": "ran", "score": 1.125},
        STEP | {"status": "failed", "new": False, "error": "NameError: b", "score": -2.5},
        STEP | {"status": "open", "new": False, "score": 0.0},
    ]
}
SCORED = Segment(author="writer", text="ans = f(2)", scored=True)
LESSON = Lesson(
    id="p3/pot/0", problem_id="p3", thought="pot", sample=0, segments=(SCORED,), sources=()
)
ANSWERS = (-0.5, "3:45", None, 18, -10, 2, -5, 10)  # of the eight paths of one problem
TOOLS = """
const rows = () => [...document.querySelectorAll("#list tbody tr:not(.more)")];
const openers = () => [...document.querySelectorAll("#list tbody th > button")];
const column = (number) => rows().map((row) => row.cells[number].textContent);
const position = () => document.getElementById("position").value;
const choose = (name, value) => {
  const field = document.getElementById("filters").elements[name];
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
const press = (key, target) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const sort = (name) => document.querySelector(`[data-sort=${name}]`).click();
"""
PLAYS = {
    "of_ten_thousand_one_page_is_in_the_document": """
        seen.push(position(), rows().length, document.querySelectorAll("*").length);
    """,
    "filters_narrow_and_clear_widens": """
        choose("thought", "pot"); seen.push(position(), [...new Set(column(1))]);
        choose("verdict", "right"); seen.push(position());
        choose("path", "greedy"); seen.push(position());
        choose("verdict", "syntax"); seen.push(document.getElementById("filters").verdict.value);
    """,
    "text_is_searched_in_questions_reasoning_and_ids": """
        choose("text", "WORD P1249."); seen.push(position());
        choose("text", "p1249"); seen.push(position());
        choose("text", "no such thing"); seen.push(position(), rows().length);
    """,
    "a_generation_opens_with_its_program_highlighted_and_closes": """
        choose("thought", "pot");
        const first = openers()[0];
        first.click();
        const pre = document.querySelector(".more pre.text");
        const of = (kind) => [...pre.querySelectorAll(`.py-${kind}`)].map((s) => s.textContent);
        seen.push(first.getAttribute("aria-expanded"), pre.textContent);
        seen.push(pre.querySelectorAll("b").length);
        seen.push(of("keyword"), of("number"), of("call"), of("comment"));
        first.click();
        seen.push(first.getAttribute("aria-expanded"), document.querySelectorAll(".more").length);
    """,
    "prose_is_not_highlighted": """
        choose("thought", "cot");
        openers()[0].click();
        seen.push(document.querySelectorAll(".more [class^=py-]").length);
    """,
    "steps_of_a_beam_are_shown_with_their_checks_and_scores": """
        choose("thought", "pot"); choose("text", "p7"); sort("problem");
        const [first] = openers();
        first.click();
        const steps = document.querySelector(".more .steps");
        const lines = [...steps.querySelectorAll(":scope tbody tr")];
        seen.push(first.textContent, steps.hidden);
        for (const line of lines) seen.push([...line.cells].map((c) => c.textContent).join("|"));
        seen.push(lines.map((line) => line.className), steps.querySelectorAll("td b").length);
        choose("thought", "cot");
        openers()[0].click();
        seen.push(document.querySelector(".more .steps").hidden);
    """,
    "columns_sort_both_ways_and_say_so": """
        const head = document.querySelector("[data-sort=logprob]").closest("th");
        sort("logprob"); seen.push(head.getAttribute("aria-sort"), column(8)[0]);
        sort("logprob"); seen.push(head.getAttribute("aria-sort"), column(8)[0]);
        sort("problem"); seen.push(head.getAttribute("aria-sort"), column(0)[0], column(0)[8]);
        sort("problem"); seen.push(column(0)[0]);
    """,
    "answers_sort_as_numbers_and_what_is_missing_comes_last": """
        choose("problem", "p30");
        sort("answer"); seen.push(column(5));
        sort("answer"); seen.push(column(5));
        sort("gold"); seen.push(column(6)[0]);
    """,
    "a_problem_is_found_by_its_whole_name_and_its_paths_lead_to_each_other": """
        choose("problem", "p12"); seen.push(position(), [...new Set(column(0))]);
        choose("problem", "p"); seen.push(position());
        choose("problem", ""); choose("text", "Word p77."); seen.push(position());
        openers()[0].click();
        document.querySelector(".more .beside").click();
        seen.push(position(), [...new Set(column(0))]);
    """,
    "a_problem_s_lesson_and_answers_before_and_after_stand_side_by_side": """
        const cards = () => [...document.querySelectorAll("#answers .card")].map((card) =>
          [...card.children].map((part) => part.textContent).join("|"));
        const chosen = document.getElementById("chosen");
        const next = document.getElementById("another");
        seen.push(chosen.value, document.getElementById("asked").textContent, ...cards());
        seen.push(document.querySelectorAll("#answers .py-call").length);
        next.click(); seen.push(chosen.value);
        choose("problem", "p9"); openers()[0].click();
        document.querySelector(".more .side").click();
        seen.push(chosen.value, cards()[1]);
        chosen.value = "p"; chosen.dispatchEvent(new Event("change"));
        seen.push(document.getElementById("asked").textContent, cards().length);
    """,
    "a_count_of_solved_problems_leads_to_just_these": """
        const links = [...document.querySelectorAll("#solved ~ * [data-find]")];
        const find = (set) => links.find((link) =>
          new URLSearchParams(link.dataset.find).get("set") === set);
        const link = find("toy, after: pot only, by greedy path");
        link.click();
        seen.push(link.textContent, position(), column(0), [...new Set(column(3))]);
        choose("thought", "pot"); seen.push(position(), [...new Set(column(4))]);
    """,
    "pages_turn_to_the_last": """
        const { previous, next } = Object.fromEntries(
          ["previous", "next"].map((id) => [id, document.getElementById(id)]));
        seen.push(previous.disabled);
        next.click(); seen.push(position(), previous.disabled);
        choose("text", "p12"); choose("thought", "cot"); seen.push(position());
        for (let k = 0; k < 9; k += 1) next.click();
        seen.push(position(), next.disabled);
    """,
    "keys_go_to_the_search_and_from_row_to_row": """
        press("/", document.body); seen.push(document.activeElement.name);
        openers()[0].focus();
        press("ArrowDown", openers()[0]); seen.push(openers().indexOf(document.activeElement));
        press("ArrowUp", openers()[1]); seen.push(openers().indexOf(document.activeElement));
        press("ArrowUp", openers()[0]); seen.push(openers().indexOf(document.activeElement));
    """,
    "a_count_of_failures_leads_to_them": """
        const links = [...document.querySelectorAll("#errors ~ .scroll [data-find]")];
        choose("text", "leave nothing");
        links.find((link) => link.dataset.find.includes("thought=pot&verdict=wrong")).click();
        seen.push(position(), [...new Set(column(1))], [...new Set(column(4))]);
    """,
    "every_control_and_scrolling_part_has_a_name": """
        for (const field of document.querySelectorAll("input, select")) {
          if (!field.closest("label")) seen.push(`no label: ${field.name}`);
        }
        for (const part of document.querySelectorAll("[role=region], nav, section, form")) {
          const by = part.getAttribute("aria-labelledby");
          const label = part.getAttribute("aria-label") ?? document.getElementById(by)?.textContent;
          if (!label) seen.push(`no name: ${part.outerHTML.slice(0, 60)}`);
        }
        for (const image of document.querySelectorAll("svg")) {
          if (!image.getAttribute("aria-label")) seen.push("a chart without words");
        }
        for (const link of document.querySelectorAll("a[href^='#']")) {
          if (!document.querySelector(link.getAttribute("href"))) seen.push(link.href);
        }
    """,
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> str:
    """A page of hostile texts as the browser has it after its script ran."""
    folder = tmp_path_factory.mktemp("report")
    build_report(folder, **run_parts(text=ATTACK, num_problems=30) | {"history": history(40)})
    return dom(folder / "report.html", tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="module")
def all_seen(tmp_path_factory) -> dict[str, list[str]]:
    """What each script of PLAYS saw in one page of 10,000 generations, cleared in between."""
    folder = tmp_path_factory.mktemp("large")
    parts = run_parts(num_problems=1250, samples=(0, 1))
    parts["generations"] = [
        replace(
            g,
            text=PROGRAM if g.thought == "pot" else f"Word {g.problem_id}.",
            logprob=-n / 7,
            answer=ANSWERS[n % 8] if g.problem_id == "p30" else g.answer,
            trace=TRACE if g.thought == "pot" and g.problem_id == "p7" else {},
        )
        for n, g in enumerate(parts["generations"])
    ]
    for rows in ("generations", "votes"):
        parts[rows] = [
            replace(row, split="validation") if row.problem_id == "p2" else row
            for row in parts[rows]
        ]
    build_report(folder, **parts, programs=["pot"], lessons=[LESSON])
    return driven(folder / "report.html", TOOLS, PLAYS, tmp_path_factory.mktemp("profile"))


@pytest.fixture
def seen(request, all_seen) -> list[str]:
    return all_seen[request.node.name.removeprefix("test_")]


def test_the_result_table_renders(planted):
    assert '<th scope="row">tie-break</th>' in planted and "26.7 %" in planted


def test_the_first_page_of_generations_is_rendered(planted):
    assert "1 to 50 of 120" in planted
    assert planted.count('aria-expanded="false"') == 50


def test_nothing_planted_ran(planted):
    assert "<title>mdexp report</title>" in planted
    assert "<img" not in planted


def test_the_page_asks_for_nothing_outside(planted):
    assert "http:" not in planted and "https:" not in planted


def test_of_ten_thousand_one_page_is_in_the_document(seen):
    assert seen[:2] == ["1 to 50 of 10,000", "50"]
    assert int(seen[2]) < 3000


def test_filters_narrow_and_clear_widens(seen):
    # Of p0 to p1249, pot solves the first 2 before training and 8 after, in two paths each.
    assert seen == ["1 to 50 of 5,000", "pot", "1 to 20 of 20", "1 to 10 of 10", ""]


def test_text_is_searched_in_questions_reasoning_and_ids(seen):
    assert seen == ["1 to 4 of 4", "1 to 8 of 8", "none found", "0"]


def test_a_generation_opens_with_its_program_highlighted_and_closes(seen):
    assert seen[:3] == ["true", PROGRAM, "0"], "the text is whole, and no markup came of it"
    assert seen[3:7] == ["def,return", "2.5,4", "f,f", '# "twice" <b>']
    assert seen[7:] == ["false", "0"]


def test_prose_is_not_highlighted(seen):
    assert seen == ["0"]


def test_steps_of_a_beam_are_shown_with_their_checks_and_scores(seen):
    assert seen[:2] == ["p7", "false"]
    assert seen[2:4] == [
        "1|a = 6 # <b>x</b>|ran|6|-0.25|0.50|1.00|0.00|1.13",
        "2|a = 6 # <b>x</b>|failed: NameError: b||-0.25|0.50|1.00|0.00|-2.50",
    ]
    assert seen[4].endswith("|open||-0.25|0.50|1.00|0.00|0.00")
    assert seen[5] == "right,wrong,", "an open step is neither"
    assert seen[6:] == ["0", "true"], "prose without a trace has no steps"


def test_columns_sort_both_ways_and_say_so(seen):
    # Numbers within words count as numbers: p1249 is the last, though p999 is by letters.
    assert seen == ["ascending", "-1428.43", "descending", "0.00", "none", "p0", "p1", "p1249"]


def test_answers_sort_as_numbers_and_what_is_missing_comes_last(seen):
    assert seen == ["-10,-5,-0.5,2,3:45,10,18,none", "18,10,3:45,2,-0.5,-5,-10,none", "18"]


def test_a_problem_is_found_by_its_whole_name_and_its_paths_lead_to_each_other(seen):
    assert seen[:3] == ["1 to 8 of 8", "p12", "none found"]
    assert seen[3:] == ["1 to 4 of 4", "1 to 8 of 8", "p77"]


def test_a_problem_s_lesson_and_answers_before_and_after_stand_side_by_side(seen):
    # Both thoughts learned p2 to p5, of which p2 is for validation, and pot alone p6 and p7.
    assert seen[:2] == ["p3", "How many?  (gold: 18)"]
    assert seen[2:4] == [
        "Before training|Word p3.|3: wrong value",
        "After training|Word p3.|18: right",
    ]
    taught = "Taught|for a training problem of the same kind: How many? |ans = f(2)"
    assert seen[4] == taught
    assert seen[5:7] == [
        f"Before training|{PROGRAM}|3: wrong value",
        f"After training|{PROGRAM}|18: right",
    ]
    assert seen[7] == "5", "f three times in the lesson and both answers, each with its definition"
    assert seen[8:11] == ["p4", "p9", "After training|Word p9.|9: wrong value"]
    assert seen[11:] == ["no greedy answer to a problem called p", "0"]


def test_a_count_of_solved_problems_leads_to_just_these(seen):
    assert seen == ["2", "1 to 4 of 4", "p6,p6,p7,p7", "greedy", "1 to 2 of 2", "right"]


def test_pages_turn_to_the_last(seen):
    assert seen == [
        "true",
        "51 to 100 of 10,000",
        "false",
        "1 to 50 of 244",
        "201 to 244 of 244",
        "true",
    ]


def test_keys_go_to_the_search_and_from_row_to_row(seen):
    assert seen == ["text", "1", "0", "0"]


def test_a_count_of_failures_leads_to_them(seen):
    assert seen == ["1 to 50 of 2,494", "pot", "wrong value"], (
        "those of validation are not among them"
    )


def test_every_control_and_scrolling_part_has_a_name(seen):
    assert seen == []
