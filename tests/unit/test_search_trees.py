"""Search trees as the report draws them, and what a search is said to have cost."""

from dataclasses import replace
from xml.etree import ElementTree

from mdexp.grading.analysis import analyse
from mdexp.grading.score import metrics, votes
from mdexp.records import Output
from mdexp.report.answer_tokens import answer_tokens
from mdexp.report.build import build_report
from mdexp.report.search_trees import MOST_STEPS, MOST_TREES, search_trees
from tests.synthetic_run import ATTACK, generation, run_parts

NAMES = ["cot"]


def row(parent, text, status="open", visits=1, value=0.5):
    return {
        "parent": parent,
        "text": text,
        "status": status,
        "error": "NameError: x" if status == "failed" else "",
        "draws": 1,
        "value": value,
        "visits": visits,
        "mean": value,
    }


def rows(text="a = 6\n"):
    return [
        row(None, "", visits=4),
        row(0, text, visits=3),
        row(1, "ans = a * 7\n", "whole", value=1.0),
        row(0, "ans = x\n", "failed", value=0.0),
        row(1, "ans = a + 9\n", "whole", value=0.2),
    ]


SPENT = {"prompt": 100, "written": 40, "scored": 2}


def searched(tree, number=0):
    """The best text, right, then the two that vote."""
    best = {"node": 2, "value": 1.0}
    traces = [best | {"spent": SPENT, "tree": tree}, best, {"node": 4, "value": 0.2}]
    return [
        replace(
            generation(number, "after", "cot", correct=trace["node"] == 2, sample=sample),
            trace=trace,
        )
        for sample, trace in enumerate(traces)
    ]


def test_a_tree_is_drawn_with_its_steps_values_verdicts_and_best_text():
    problems = run_parts()["problems"]
    [tree] = search_trees(searched(rows()), problems)
    assert (tree["right"], tree["answer"], tree["tokens"], tree["steps"]) == (True, "18", 142, 4)
    picture = ElementTree.fromstring(tree["picture"])
    labels = [text.text for text in picture.iter("text") if text.get("class") != "end"]
    assert labels == [
        "a = 6",
        "ans = a * 7 → 18, right",
        "ans = a + 9 → 0, wrong",
        "ans = x → NameError: x",
    ]
    best = [path for path in picture.iter("path") if path.get("class") == "step best"]
    assert len(best) == 2 and len(list(picture.iter("path"))) == 4


def test_what_a_model_wrote_cannot_act_in_the_picture():
    [tree] = search_trees(searched(rows(ATTACK + "\x00\x1b[31m")), run_parts()["problems"])
    assert "<script" not in tree["picture"] and "<img" not in tree["picture"]
    ElementTree.fromstring(tree["picture"])


def test_of_a_large_tree_the_steps_that_were_visited_most_are_drawn():
    tree = rows() + [row(0, f"x = {n}\n", visits=n) for n in range(200)]
    tree += [row(len(tree) - 1, "y = 1\n", visits=0)]
    [drawn] = search_trees(searched(tree), run_parts()["problems"])
    assert (drawn["steps"], drawn["drawn"]) == (205, MOST_STEPS)
    assert "x = 199" in drawn["picture"] and "x = 9<" not in drawn["picture"]
    assert "ans = a * 7" in drawn["picture"], "the best text is always there"
    deep = [row(None, "")] + [row(n, f"x = {n}\n") for n in range(300)]
    deep[2]["status"] = "whole"
    [drawn] = search_trees(searched(deep), run_parts()["problems"])
    ElementTree.fromstring(drawn["picture"])


def test_so_many_trees_are_drawn_whatever_the_order_of_the_problems():
    paths = [g for n in range(10) for g in searched(rows(), n)]
    problems = run_parts()["problems"]
    drawn = search_trees(paths, problems)
    assert len(drawn) == MOST_TREES and drawn == search_trees(paths[::-1], problems[::-1])


def test_the_page_has_the_trees_and_a_run_without_a_search_has_none(tmp_path):
    parts = run_parts()
    paths = [g for n in range(10) for g in searched(rows(), n)]
    known = {problem.id: problem for problem in parts["problems"]}
    elected = votes(paths, NAMES)
    found = analyse(paths, elected, known, NAMES)
    assert found["toy"]["after"]["curves"] is None, "the best texts are no random ones"
    told = {"generations": paths, "votes": elected, "analysis": found}
    build_report(tmp_path, **parts | told | {"metrics": metrics(paths, elected, NAMES)})
    page, markdown = ((tmp_path / f"report.{kind}").read_text() for kind in ("html", "md"))
    assert '<a href="#searches">Search trees</a>' in page
    assert page.count('<svg class="tree"') == MOST_TREES
    assert "| cot | 18 | yes | 4 | 142 |" in markdown
    build_report(tmp_path, **parts)
    assert "Search trees" not in (tmp_path / "report.html").read_text()


def test_a_search_costs_what_it_spent_once_for_all_its_texts():
    paths = searched(rows())
    outputs = [
        Output(
            problem_id=g.problem_id,
            dataset=g.dataset,
            split=g.split,
            phase=g.phase,
            thought=g.thought,
            sample=g.sample,
            num_shots=0,
            text="",
            num_tokens=7,
            finished=True,
            trace=g.trace,
        )
        for g in paths
    ]
    found = answer_tokens(outputs, votes(paths, NAMES))
    assert {name: tokens for (_, _, name), tokens in found.items()} == {
        "cot": 142,
        "cot vote": 142,
        "vote": 142,
    }
