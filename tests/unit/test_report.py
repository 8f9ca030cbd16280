"""The report: the figures are there, model text cannot act, parts may be missing."""

import json
import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from mdexp.grading.analysis import analyse
from mdexp.grading.score import metrics, votes
from mdexp.grading.vote_rules.cascade import Cascade
from mdexp.grading.vote_rules.majority import Majority
from mdexp.records import Example, Lesson, Path, Rejection, VerifiedPath
from mdexp.report.build import build_report, teachers, title
from mdexp.report.explorer import explorer_data
from mdexp.report.formula import formula
from mdexp.report.funnel import funnel
from mdexp.report.terminal import terminal
from mdexp.teacher.annotations import CORRUPTED
from mdexp.teacher.annotations import MODEL as ANNOTATIONS
from mdexp.teacher.worked import MODEL as WORKED
from tests.synthetic_run import ATTACK, ORDER, THREE, generation, history, run_parts

UNWEIGHED = {"lambda_thought": None, "pairing": "both"}
DUAL = UNWEIGHED | {"name": "dual", "lambda_thought": "cot", "weights": {}, "normalize": "token"}


def written(folder, **parts):
    build_report(folder, **parts)
    return (folder / "report.md").read_text(), (folder / "report.html").read_text()


def test_the_result_row_states_n_interval_change_and_test(tmp_path):
    markdown, page = written(tmp_path, **run_parts())
    row = next(line for line in markdown.splitlines() if line.startswith("| toy | pot"))
    assert "| 10 | 20.0 % (5.7 to 51.0) | 80.0 % (49.0 to 94.3) | +60.0 (" in row
    assert "| 0 / 6 | 0.0312 |" in row
    for figure in ("20.0 %", "5.7 to 51.0", "80.0 %", "+60.0", "0 : 6", "0.0312", "4-shot"):
        assert figure in page


def test_one_path_per_thought_is_called_tie_break_and_more_a_vote(tmp_path):
    markdown, _ = written(tmp_path, **run_parts())
    assert "| toy | tie-break |" in markdown and "vote of" not in markdown
    markdown, _ = written(tmp_path, **run_parts(samples=(0, 1)))
    assert "| toy | tie-break |" in markdown, "one sampled path per thought is no vote either"
    markdown, _ = written(tmp_path, **run_parts(samples=(0, 1, 2)))
    assert "| toy | vote of 4 |" in markdown and "tie-break |" not in markdown


def test_choosing_by_score_is_shown_with_a_verdict_where_paths_have_scores(tmp_path):
    parts = run_parts(samples=(0, 1, 2))
    scored = []
    for one in parts["generations"]:
        right = one.correct and one.sample == 1  # so that problems have both kinds of path
        answer = 18 if right else 7
        one = replace(one, correct=right, answer=answer, read=answer, logprob=-1.0)
        scored.append(replace(one, score=0.5 + right if one.phase == "after" else None))
    known = {problem.id: problem for problem in parts["problems"]}
    elected = votes(scored, ORDER)
    parts |= {"generations": scored, "votes": elected, "metrics": metrics(scored, elected, ORDER)}
    assert "Choosing by score" not in "".join(written(tmp_path, **parts))
    parts["analysis"] = analyse(scored, elected, known, ORDER)
    markdown, page = written(tmp_path, **parts)
    told = "Within a problem the score ranks better than log-probability and length."
    assert f"pot, 2 paths of a problem: {told}" in markdown and told in page
    assert "| best score | 80.0 % (49.0 to 94.3) | +0.0 (" in markdown
    assert "| any is right | 80.0 % (49.0 to 94.3) | - | - | - |" in markdown
    assert "| log-probability | 0.500 (" in markdown
    assert 'href="#selection">Choosing by score' in page


def test_three_single_paths_vote_and_the_rule_is_told(tmp_path):
    markdown, page = written(
        tmp_path, **run_parts(thoughts=THREE, rule=Majority(order=["eot", "cot", "pot"]))
    )
    assert "| toy | vote of 3 |" in markdown and "tie-break |" not in markdown
    told = "before by majority, ties to eot, cot, pot; after by majority, ties to eot, cot, pot"
    assert f"toy, vote of 3: {told}." in markdown and f"toy, vote of 3: {told}." in page
    counts = "cot only 0 (0), pot only 1 (0: 0.0 to 79.3 %), eot only 0 (0), cot + pot 0 (0)"
    more = "pot + eot 1 (1: 20.7 to 100.0 %), all 6 (6: 61.0 to 100.0 %), none 2 (0: 0.0 to 65.8 %)"
    assert f"toy, after: {counts}, cot + eot 0 (0), {more}." in markdown
    assert "pot + eot" in page


def test_a_cascade_is_called_so_and_names_its_order(tmp_path):
    parts = run_parts(thoughts=THREE, rule=Cascade(order=["eot", "cot"]))
    markdown, _ = written(tmp_path, **parts)
    assert "| toy | cascade |" in markdown and "vote of" not in markdown
    assert "after by cascade eot, cot." in markdown


def test_a_single_path_elects_nobody(tmp_path):
    parts = run_parts()
    parts["generations"] = [g for g in parts["generations"] if g.thought == "cot"]
    parts["votes"] = votes(parts["generations"], ["cot"])
    parts["metrics"] = metrics(parts["generations"], parts["votes"], ["cot"])
    markdown, _ = written(tmp_path, **parts)
    assert "| toy | cot |" in markdown and "| tie-break |" not in markdown


@pytest.mark.parametrize("phases", [("before",), ("after",)])
def test_a_missing_phase_leaves_its_cells_empty(tmp_path, phases):
    markdown, page = written(tmp_path, **run_parts(phases))
    row = next(line for line in markdown.splitlines() if line.startswith("| toy | cot"))
    assert row.count("| - ") == 4, "the phase, the change, its pairs and its p"
    assert "10 generations" not in page and "20 generations" in page


def test_a_run_without_anything_still_has_a_report(tmp_path):
    parts = run_parts(num_problems=0)
    markdown, page = written(tmp_path, **parts)
    assert "no verified paths in this run" in markdown and "## Accuracy" not in markdown
    assert [*re.findall(r'<h2 id="(\w+)"', page)] == ["run"], "no heading without anything below"


def test_text_of_models_cannot_become_markup(tmp_path):
    parts = run_parts(text=ATTACK)
    parts["funnel"] = [funnel_row(teachers=[ATTACK])]
    markdown, page = written(tmp_path, **parts)
    assert "<script>document" not in page and "<img" not in page
    assert page.count("</script>") == 2, "the data and the program of the page, nothing else"
    assert "<script>" not in markdown and "<img" not in markdown
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    data = json.loads(block[1])
    assert data["generations"][0][data["fields"].index("text")] == ATTACK
    assert data["problems"]["p0"][0] == f"How many? {ATTACK}"


def test_line_separators_and_lone_surrogates_survive_the_page(tmp_path):
    text = "a\u2028b\u2029c\x85d \ud800"
    data = explorer_data([], [generation(0, "after", "cot", correct=True, text=text)])
    assert text in json.loads(data)["generations"][0]
    written(tmp_path, **run_parts(text=text))


def test_steps_of_a_beam_are_in_the_page_s_data_and_others_have_none():
    step = {"text": "a = 6", "status": "ran", "value": "6", "new": True, "error": "", "score": 1.0}
    whole = generation(0, "after", "pot", correct=True)
    data = json.loads(explorer_data([], [whole, replace(whole, trace={"steps": [step]})]))
    column = data["fields"].index("steps")
    assert [row[column] for row in data["generations"]] == [[], [step]]


def test_the_page_needs_nothing_beside_it(tmp_path):
    _, page = written(tmp_path, **run_parts() | {"history": history(5)})
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:,|#)", page)
    assert "http" not in page and "@import" not in page and "url(" not in page


def test_ten_thousand_generations_are_written_in_time(tmp_path):
    parts = run_parts(num_problems=1250, text="x" * 400, samples=(0, 1))
    _, page = written(tmp_path, **parts)
    assert "10,000 generations" in page
    assert page.count("<article>") == 1, "cards are made on demand from one template"


def funnel_row(**changes):
    row = {"thought": "cot", "teachers": ["gpt-x"], "asked": 9, "returned": 8, "verified": 5}
    row |= {"lessons": 5}
    row |= {"examples": 4, "rejected": {"wrong_answer": 3}, "unused": {"too_long": 1}}
    row |= {"left_over": {"in_no_lesson": 2}}
    return row | changes


def test_the_funnel_is_shown_with_reasons(tmp_path):
    markdown, page = written(tmp_path, **run_parts() | {"funnel": [funnel_row()]})
    assert (
        "| cot | gpt-x | 9 | 8 | 5 | 5 | 4 | wrong_answer 3, too_long 1, in_no_lesson 2 |"
        in markdown
    )
    assert "wrong_answer <b>3</b>" in page and "too_long <b>1</b>" in page
    assert "in_no_lesson <b>2</b>" in page


def test_a_teacher_that_is_no_language_model_is_named_so():
    rows = [funnel_row(teachers=["worked"]), funnel_row(thought="pot", teachers=[])]
    assert teachers(rows) == {"cot": "worked (no LLM)", "pot": "nobody"}


@pytest.mark.parametrize("model", [WORKED, ANNOTATIONS, CORRUPTED, "gold-equation"])
def test_what_rewrites_the_dataset_is_no_language_model(model):
    assert teachers([funnel_row(teachers=[model, "gpt-x"])]) == {"cot": f"{model} (no LLM), gpt-x"}


def test_the_funnel_counts_every_path():
    what = {"problem_id": "p", "thought": "cot"}
    paths = [Path(**what, sample=k, text="", model=m) for k, m in enumerate("aab")]
    kept = [VerifiedPath(**what, sample=0, text="", answer=1, model="a")]
    dropped = [Rejection(**what, sample=k, reason="wrong_answer") for k in (1, 2)]
    learnt = [Lesson(**what, id="l", sample=0, segments=(), sources=("cot/0",))]
    made = [Example(**what, sample=0, prompt_ids=[], target_ids=[], target="")]
    (row,) = funnel(5, {"cot": ["cot"]}, paths, kept, dropped, learnt, made, [])
    assert row["teachers"] == ["a", "b"] and row["rejected"] == {"wrong_answer": 2}
    assert [row[k] for k in ("asked", "returned", "verified", "examples")] == [5, 3, 1, 1]
    with pytest.raises(AssertionError):
        funnel(5, {"cot": ["cot"]}, paths, kept, dropped[:1], learnt, made, [])
    with pytest.raises(AssertionError):
        funnel(5, {"cot": ["cot"]}, paths, kept, dropped, learnt, [], [])


def test_the_formula_has_its_numbers_whatever_the_order_of_thoughts():
    token = "each L the mean over all target tokens of a step"
    settings = {"objective": DUAL, "lambda": 0.3, "thoughts": {"cot": {}, "pot": {}}}
    expected = "L = λ L_cot + (1−λ) L_pot = 0.3 L_cot + 0.7 L_pot, "
    assert formula(settings) == expected + token
    flipped = settings | {"thoughts": {"pot": {}, "cot": {}}}
    assert "(1−λ) L_pot + λ L_cot = 0.7 L_pot + 0.3 L_cot" in formula(flipped)


def test_other_objectives_have_their_formula():
    weights = {"cot": 0.2, "pot": 0.8}
    weighted = {"name": "weighted", "weights": weights, "normalize": "example"} | UNWEIGHED
    two = {"thoughts": dict.fromkeys(ORDER)}
    stated = formula({"objective": weighted} | two)
    assert stated.startswith("L = 0.2 L_cot + 0.8 L_pot, each L the mean")
    union = {"objective": DUAL | UNWEIGHED | {"name": "union"}} | two
    assert formula(union).endswith("over the targets of cot, pot together")
    equal = {"objective": weighted | {"weights": {}}, "thoughts": dict.fromkeys(THREE)}
    thirds = "L = 0.333333 L_cot + 0.333333 L_pot + 0.333333 L_eot, each L the mean"
    assert formula(equal).startswith(thirds)
    assert formula({}) == ""


@pytest.mark.parametrize("thoughts", [ORDER, THREE], ids=len)
def test_the_terminal_table_fits_80_columns(thoughts):
    parts = run_parts(num_problems=400, thoughts=thoughts)
    console = Console(width=80, record=True, file=StringIO())
    console.print(terminal(parts["metrics"], parts["generations"], parts["votes"]))
    lines = console.export_text().splitlines()
    row = next(line for line in lines if line.strip().startswith("pot"))
    assert row.split()[1:4] == ["400", "0.5", "(0.1-1.8)"]
    num_rows = len(thoughts) + 1
    assert sum(bool(line.strip()) for line in lines) == 2 + num_rows + 1, "no row is broken in two"


def test_validation_is_reported_apart(tmp_path):
    parts = run_parts()
    valid = [
        replace(g, split="validation", problem_id=f"v{g.problem_id}") for g in parts["generations"]
    ]
    parts["generations"] = parts["generations"] + valid
    parts["votes"] = votes(parts["generations"], ORDER)
    parts["metrics"] = metrics(parts["generations"], parts["votes"], ORDER)
    markdown, _ = written(tmp_path, **parts)
    test_part, validation_part = markdown.split("## Validation")
    assert "toy/validation" not in test_part and "| toy/validation | pot | 10 |" in validation_part


def test_with_sampled_paths_the_page_also_says_who_solves_what_by_own_vote(tmp_path):
    markdown, page = written(tmp_path, **run_parts(samples=(0, 1, 2)))
    assert "By each thought's own vote: cot only 0 (0), pot only 2 (" in markdown
    assert "Solved by greedy path" in page and "Solved by own vote" in page
    markdown, page = written(tmp_path, **run_parts())
    assert "own vote:" not in markdown and "Solved by own vote" not in page


def test_graders_stand_side_by_side(tmp_path):
    markdown, page = written(tmp_path, **run_parts())
    interval = "31.3 to 83.2 %"
    judged = f"strict 6 of 10 ({interval}), 0 otherwise; lenient 6 of 10 ({interval}), 0 otherwise;"
    assert f"toy, after, cot: {judged}" in markdown
    assert f"6 of 10 <small>{interval}</small>" in page
    assert "the run's own is strict 2" in page


def test_the_title_names_what_was_run():
    settings = {"dataset": {"_target_": "mdexp.datasets.svamp.Svamp", "path": None}}
    settings["student"] = {"_target_": "mdexp.x.Student", "path": "HuggingFaceTB/SmolLM2"}
    assert title(settings | {"thoughts": {"cot": 1, "pot": 2}}) == "svamp · SmolLM2 · cot + pot"
    own = {"dataset": {"_target_": "a.b.C", "name": "mine"}, "student": {"package": "wheel"}}
    assert title(own) == "mine · wheel"
    assert title({}) == ""


def test_the_page_names_its_parts_and_omits_those_without_content(tmp_path):
    _, page = written(tmp_path, **run_parts())
    headings = re.findall(r'<h2 id="(\w+)"', page)
    assert headings == ["results", "solved", "errors", "graders", "run", "beside", "generations"]
    assert (
        re.findall(r'<a href="#(\w+)">', page.partition("<nav")[2].partition("</nav>")[0])
        == headings
    )
    _, page = written(tmp_path, **run_parts(samples=(0, 1, 2), types=("more", "less")))
    assert {"curves", "kinds"} <= {*re.findall(r'<h2 id="(\w+)"', page)}


def test_the_report_says_what_so_many_problems_can_show(tmp_path):
    for text in written(tmp_path, **run_parts(num_problems=300)):
        assert "toy: n = 300 sees differences above 7 points." in text
        assert "if only one of the two solves 20 % of the problems (assumed, not measured)" in text
