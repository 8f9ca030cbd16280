"""The analysis: who solves what, by kind of problem, by failure, under which grader."""

from dataclasses import replace

import pytest

from mdexp.grading.analysis import analyse, by_kind, disputes, errors
from mdexp.grading.breakdowns import answer_size, error_class, steps
from mdexp.grading.overlap import decisions, solved_by, solved_by_votes
from mdexp.grading.score import votes
from mdexp.grading.statistics import wilson
from mdexp.grading.vote_rules.cascade import Cascade
from mdexp.grading.vote_rules.majority import Majority
from mdexp.records import Problem
from mdexp.thoughts.single_write import Reading
from tests.unit.test_score import ORDER, Code, Prose, generation

THOUGHTS = {"cot": Prose(), "pot": Code()}


class Silent(Prose):
    def read(self, text, expected):
        return Reading(text=text)


def problem(id="p1", answer=18, **fields):
    return Problem(
        id=id, dataset="toy", split="test", question="How many?", answer=answer, **fields
    )


def marked(outcomes, thoughts=ORDER):
    return [
        generation(thought, mark == "T", id=id)
        for id, marks in outcomes.items()
        for thought, mark in zip(thoughts, marks, strict=True)
    ]


def test_problems_are_counted_by_who_solves_them_and_whether_the_vote_does():
    paths = marked({"a": "TT", "b": "TF", "c": "TF", "d": "FT", "e": "FF"})
    elected = votes(paths, ORDER, Majority(order=["pot", "cot"]))
    paths.append(replace(generation("cot", True, id="e"), sample=1))  # a sample solves nothing here
    counts = solved_by(paths, elected, ORDER)
    assert list(counts) == ["cot only", "pot only", "both", "none"]
    assert {name: (cell["ids"], cell["vote"]) for name, cell in counts.items()} == {
        "cot only": (["b", "c"], 0),
        "pot only": (["d"], 1),
        "both": (["a"], 1),
        "none": (["e"], 0),
    }
    assert [cell["n"] for cell in counts.values()] == [2, 1, 1, 1]
    assert counts["cot only"]["vote_ci95"] == list(wilson(0, 2))


def test_a_set_without_problems_has_no_interval():
    paths = marked({"a": "TT"})
    empty = solved_by(paths, votes(paths, ORDER), ORDER)["none"]
    assert empty == {"n": 0, "vote": 0, "vote_ci95": [], "ids": []}


def test_with_sampled_paths_problems_are_also_counted_by_the_thoughts_own_votes():
    """The greedy CoT path fails on both problems; two of its three samples solve the first."""
    paths = marked({"a": "FT", "b": "FF"})
    for id, marks in (("a", "TTF"), ("b", "FFT")):
        paths += [generation("cot", m == "T", id=id, sample=k + 1) for k, m in enumerate(marks)]
        paths += [generation("pot", False, id=id, sample=k) for k in (1, 2, 3)]
    elected = votes(paths, ORDER)
    own = solved_by_votes(elected, ORDER)
    assert {name: cell["ids"] for name, cell in own.items() if cell["n"]} == {
        "cot only": ["a"],
        "none": ["b"],
    }
    assert solved_by(paths, elected, ORDER)["pot only"]["ids"] == ["a"], "by greedy paths"
    problems = {id: problem(id) for id in "ab"}
    assert (
        analyse(paths, elected, problems, list(THOUGHTS))["toy"]["after"]["solved_by_votes"] == own
    )
    greedy = [path for path in paths if path.sample == 0]
    assert solved_by_votes(votes(greedy, ORDER), ORDER) == {}


def test_three_thoughts_are_counted_by_every_set_and_one_by_none():
    paths = marked({"a": "TTF"}, [*ORDER, "eot"])
    counts = solved_by(paths, votes(paths, ORDER), [*ORDER, "eot"])
    assert len(counts) == 8 and counts["cot + pot"]["ids"] == ["a"]
    assert list(counts)[:3] == ["cot only", "pot only", "eot only"]
    assert list(counts)[-2:] == ["all", "none"]
    assert solved_by(paths[:1], [], ORDER) == {}


def test_votes_are_counted_by_who_decided_and_how_often_that_was_right():
    paths = marked({"a": "TT", "b": "TF", "c": "FT", "d": "TF"})
    found = decisions(votes(paths, ORDER, Majority(order=["cot", "pot"])))
    assert found["pot overruled"] == {"n": 3, "correct": 2, "ci95": list(wilson(2, 3))}
    assert (found["agreement"]["n"], found["agreement"]["correct"]) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"correct": True}, "right"),
        ({}, "wrong value"),
        ({"status": "no_answer"}, "did not parse"),
        ({"status": "ambiguous"}, "did not parse"),
        ({"status": "syntax_error"}, "syntax"),
        ({"status": "truncated"}, "truncated"),
        ({"status": "runtime_error", "error": "NameError: name 'x' is not defined"}, "name"),
        ({"status": "runtime_error", "error": "ZeroDivisionError"}, "runtime error"),
        ({"status": "timeout"}, "timeout"),
    ],
)
def test_each_failure_has_a_class(fields, name):
    assert error_class(replace(generation("pot", False), **fields)) == name


def test_errors_count_every_path_once_the_most_frequent_first():
    paths = [generation("cot", False), generation("cot", False, sample=1), generation("pot", True)]
    paths.append(replace(generation("cot", True, sample=2)))
    counts = errors(paths)
    assert counts == {"cot": {"wrong value": 2, "right": 1}, "pot": {"right": 1}}
    assert next(iter(counts["cot"])) == "wrong value"


@pytest.mark.parametrize(
    ("rationale", "expected"),
    [
        ("48/2 = <<48/2=24>>24 clips\n48+24 = <<48+24=72>>72", "2"),
        ("9 years from now Susan will be 23*4=92.\nRight now Susan is 92-9=83.\n#### 83", "2"),
        ("10 girls x 2 boys/girl = 20 boys", "1"),
        ("<<1=1>>" * 12, "8 or more"),
        ("", "not known"),
        ("Susan is older.", "not known"),
    ],
)
def test_steps_are_counted_from_the_solution(rationale, expected):
    assert steps(problem(rationale=rationale)) == expected


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        (0, "0 to 9"),
        (9.0, "0 to 9"),
        (10, "10 to 99"),
        (999, "100 to 999"),
        ("1,000", "1000 to 9999"),
        (10**6, "10000 or more"),
        (-3, "negative"),
        (0.5, "fraction"),
        (True, "a word"),
    ],
)
def test_the_size_of_an_answer(answer, size):
    assert answer_size(problem(answer=answer)) == size


def test_accuracy_is_split_by_kind_with_numbers_in_their_order():
    paths = marked({"a": "TT", "b": "TF", "c": "FF"})
    table = by_kind(paths, votes(paths, ORDER), {"a": "10", "b": "2", "c": "2"})
    assert list(table) == ["2", "10"]
    assert table["2"]["cot"]["n"] == 2 and table["2"]["cot"]["correct"] == 1
    assert table["10"]["vote"]["ci95"] == pytest.approx([0.2065, 1], abs=1e-4)
    assert by_kind(paths, [], dict.fromkeys("abc", "one")) == {}


def test_graders_are_set_against_the_one_that_judged():
    problems = {"a": problem("a"), "b": problem("b")}
    paths = [
        replace(generation("cot", False, id="a", answer=18.3), text="it is 18.3"),
        replace(generation("cot", True, id="b"), text="18, after 3 days"),
    ]
    table = disputes(paths, problems)["cot"]
    assert {g: cell["correct"] for g, cell in table.items()} == {
        "strict": 1,
        "lenient": 0,
        "pad": 2,
        "xot": 1,
        "dss": 1,
    }
    counts = {"n": 2, "correct": 2, "only_here": 1, "only_run": 0, "ids": ["a"]}
    assert table["pad"] == counts | {"ci95": list(wilson(2, 2))}
    assert table["lenient"]["only_run"] == 1 and table["lenient"]["ids"] == ["b"]


def test_every_problem_in_dispute_is_named():
    problems = {f"p{k}": problem(f"p{k}") for k in range(9)}
    paths = [
        replace(generation("cot", False, id=id, answer=18.3), text="it is 18.3") for id in problems
    ]
    assert disputes(paths, problems)["cot"]["pad"]["ids"] == list(problems)


def test_a_run_graded_leniently_is_disputed_by_what_its_thoughts_read():
    """A program returned 18 and printed 3: the run's answer is 3, strict's is still 18."""
    path = replace(generation("pot", False, answer=3), read=18, stdout="3\n", is_computed=True)
    table = disputes([path], {"p1": problem()})["pot"]
    assert {g: cell["correct"] for g, cell in table.items() if cell["correct"]} == {
        "strict": 1,
        "pad": 1,
        "xot": 1,
        "dss": 1,
    }


def test_a_program_is_judged_by_what_it_printed_not_by_its_text():
    path = replace(
        generation("pot", True), text="print(3 * 6)  # 6", stdout="18\n", is_computed=True
    )
    assert disputes([path], {"p1": problem()})["pot"]["lenient"]["correct"] == 1


def test_what_was_cut_short_is_right_for_nobody():
    path = replace(generation("cot", False), text="it is 18", status="truncated", answer=None)
    table = disputes([path], {"p1": problem()})["cot"]
    assert {cell["correct"] for cell in table.values()} == {0}


def test_each_test_set_and_phase_has_its_analysis_and_validation_none():
    paths = [*marked({"a": "TF"}), generation("cot", True, id="v", split="validation")]
    paths += [replace(path, dataset="other", problem_id="o") for path in marked({"a": "FF"})]
    paths += [replace(g, sample=k) for g in marked({"a": "TT"}) for k in (1, 2)]
    problems = {id: problem(id) for id in "aov"}
    table = analyse(paths, votes(paths, ORDER), problems, list(THOUGHTS))
    assert list(table) == ["toy", "other"] and list(table["toy"]) == ["after"]
    toy, other = table["toy"]["after"], table["other"]["after"]
    assert other["curves"] is None and toy["curves"]["points"]["mix"][-1]["paths"] == 4
    assert toy["rule"] == "majority, ties to cot, pot"
    assert toy["errors"]["pot"] == {"right": 2, "wrong value": 1}
    assert (toy["solved_by"]["cot only"]["ids"], toy["solved_by"]["cot only"]["vote"]) == (["a"], 1)


def test_a_cascade_of_some_thoughts_still_has_the_curves_of_all():
    paths = marked({"a": "TF", "b": "FT"})
    paths += [replace(path, sample=k) for path in list(paths) for k in (1, 2)]
    elected = votes(paths, ORDER, Cascade(order=["pot"]))
    table = analyse(paths, elected, {id: problem(id) for id in "ab"}, list(THOUGHTS))
    assert list(table["toy"]["after"]["curves"]["points"]) == ["pot", "cot"]
