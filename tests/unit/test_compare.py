"""Comparing runs: same problems only, joined by id, with the paired test."""

import re
import shutil
from dataclasses import replace

import pytest

from mdexp.commands.compare import main
from mdexp.grading.pairing import DifferentProblems, after_against_before, compare_verdicts
from mdexp.grading.score import metrics, votes
from mdexp.records import Generation, Problem
from mdexp.store.files import write_json
from mdexp.store.json_lines import write_jsonl
from tests.parts import GRADERS


def generation(number, thought, correct, phase="after", dataset="toy"):
    return Generation(
        problem_id=f"{dataset}-{number}",
        dataset=dataset,
        split="test",
        phase=phase,
        thought=thought,
        sample=0,
        num_shots=0,
        text="",
        answer=18 if correct else 7,
        status="ok",
        correct=correct,
    )


def run_folder(
    folder,
    solved,
    *,
    n=20,
    question="How many?",
    phase="after",
    datasets=("toy",),
    grader="strict",
    settings=None,
    first=0,
):
    """A scored run in which each thought of `solved` gets that many of n problems right, from the
    `first` on."""
    folder.mkdir()
    order = list(solved)
    generations = [
        generation(k, thought, first <= k < first + right, phase, dataset)
        for dataset in datasets
        for thought, right in solved.items()
        for k in range(n)
    ]
    problems = [
        Problem(id=f"{d}-{k}", dataset=d, split="test", question=question, answer=18)
        for d in datasets
        for k in range(n)
    ]
    elected = votes(generations, order)
    write_jsonl(folder / "problems.jsonl", problems)
    write_jsonl(folder / "generations.jsonl", generations[::-1])  # order must not matter
    write_jsonl(folder / "votes.jsonl", elected)
    write_json(folder / "metrics.json", metrics(generations, elected, order, GRADERS[grader]))
    if settings:
        write_json(folder / "run.json", {"settings": settings})
    return str(folder)


def printed(capsys, monkeypatch, *runs, columns=100):
    monkeypatch.setenv("COLUMNS", str(columns))
    code = main(list(runs))
    out, err = capsys.readouterr()
    return code, out, err


def unwrapped(out):
    """In one line: where it is wrapped depends on how long the paths of the runs are."""
    return " ".join(out.split())


def test_every_row_of_the_first_run_meets_every_row_of_the_second(tmp_path, capsys, monkeypatch):
    mixed = run_folder(tmp_path / "mixed", {"cot": 8, "pot": 12})
    label = run_folder(tmp_path / "label", {"label": 4})
    code, out, _ = printed(capsys, monkeypatch, mixed, label)
    assert code == 0 and "toy, 20 test problems" in out and "exact McNemar" in unwrapped(out)
    rows = [line.split() for line in out.splitlines() if " label " in line]
    assert [row[0] for row in rows] == ["cot", "pot", "tie-break"]
    # 8 fewer right, all of them solved by pot alone: p = 2 / 2**8.
    assert rows[1] == ["pot", "60.0", "label", "20.0", "-40.0", "8/0", "0.0078", "0.0234"]
    assert "Holm: p corrected for all 3 rows above" in " ".join(out.split())
    assert "grader: strict 2" in out


def test_eighty_columns_hold_all_of_it(tmp_path, capsys, monkeypatch):
    mixed = run_folder(tmp_path / "mixed", {"cot": 8, "pot": 20})
    other = run_folder(tmp_path / "other", {"cot": 4, "pot": 0})
    code, out, _ = printed(capsys, monkeypatch, mixed, other, columns=80)
    assert code == 0 and "…" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("83.9-100.0") == 3, "pot's 20 of 20 beside each row of the other"
    assert out.split().count("tie-break") == 6
    # 20 : 0 against pot; p = 2 / 2**20, which stays below 0.0001 after Holm's correction.
    assert out.count("0.0001") >= 2


def test_a_run_of_three_thoughts_meets_one_of_two(tmp_path, capsys, monkeypatch):
    etd = run_folder(tmp_path / "etd", {"cot": 8, "pot": 12, "eot": 10})
    md = run_folder(tmp_path / "md", {"cot": 8, "pot": 12})
    code, out, _ = printed(capsys, monkeypatch, etd, md)
    rows = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines() if " tie-break " in line]
    assert code == 0 and [row[0] for row in rows] == ["cot", "pot", "eot", "vote"]
    assert "of 3" in out
    assert rows[3][1] == "50.0", "the two that agree outvote the third"


def test_three_runs_are_compared_with_the_first(tmp_path, capsys, monkeypatch):
    runs = [run_folder(tmp_path / name, {"cot": 5}) for name in ("a", "b", "c")]
    _, out, _ = printed(capsys, monkeypatch, *runs)
    assert out.count("test problems") == 2


def test_different_problem_sets_are_refused(tmp_path, capsys, monkeypatch):
    first = run_folder(tmp_path / "first", {"cot": 5}, n=20)
    second = run_folder(tmp_path / "second", {"cot": 5}, n=19)
    code, _, err = printed(capsys, monkeypatch, first, second)
    assert code == 2
    assert "20 and 19 problems, 1 of them on one side only, such as toy-19" in err


def test_the_same_ids_with_other_questions_are_refused(tmp_path, capsys, monkeypatch):
    first = run_folder(tmp_path / "first", {"cot": 5})
    second = run_folder(tmp_path / "second", {"cot": 5}, question="How few?")
    code, _, err = printed(capsys, monkeypatch, first, second)
    assert code == 2 and "toy: problem toy-0 is not the same in" in err


def test_runs_without_a_common_test_set_are_refused(tmp_path, capsys, monkeypatch):
    first = run_folder(tmp_path / "first", {"cot": 5})
    second = run_folder(tmp_path / "second", {"cot": 5}, datasets=("other",))
    code, _, err = printed(capsys, monkeypatch, first, second)
    assert code == 2 and "no test set in common" in err


def test_a_further_test_set_of_one_run_is_left_out_and_named(tmp_path, capsys, monkeypatch):
    first = run_folder(tmp_path / "first", {"cot": 5}, datasets=("toy", "ood"))
    second = run_folder(tmp_path / "second", {"cot": 5})
    code, out, _ = printed(capsys, monkeypatch, first, second)
    assert code == 0 and "not compared, since one run lacks it: ood" in out


def test_a_folder_that_is_no_scored_run_says_what_it_lacks(tmp_path, capsys, monkeypatch):
    first = run_folder(tmp_path / "first", {"cot": 5})
    second = shutil.copytree(first, tmp_path / "second")
    (second / "votes.jsonl").unlink()
    code, _, err = printed(capsys, monkeypatch, first, str(second))
    assert code == 2 and "no votes.jsonl; a run has them after stage score" in err


def test_an_untrained_run_has_nothing_to_compare(tmp_path, capsys, monkeypatch):
    first = run_folder(tmp_path / "first", {"cot": 5}, phase="before")
    code, _, err = printed(capsys, monkeypatch, first)
    assert code == 2 and "nothing was generated after training" in err


def test_runs_of_different_graders_are_refused(tmp_path, capsys, monkeypatch):
    first = run_folder(tmp_path / "first", {"cot": 5})
    second = run_folder(tmp_path / "second", {"cot": 5}, grader="pad")
    code, _, err = printed(capsys, monkeypatch, first, second)
    assert code == 2 and "was graded by strict 2" in err and "by pad 2; rescore one of them" in err


def test_a_run_that_does_not_name_its_grader_has_to_be_scored_again(tmp_path, capsys, monkeypatch):
    first = run_folder(tmp_path / "first", {"cot": 5})
    file = tmp_path / "first" / "metrics.json"
    file.write_text(file.read_text().replace('"grader"', '"judge"'))
    code, _, err = printed(capsys, monkeypatch, first)
    assert code == 2 and "metrics.json does not say by which grader; score it again" in err


def test_runs_that_differ_in_their_seed_are_one(tmp_path, capsys, monkeypatch):
    base = {"lambda": 0.5, "store": "here", "stages": ["score"]}
    seeds = [
        run_folder(tmp_path / f"md{k}", {"cot": 8}, settings=base | {"seed": k}, first=k)
        for k in (0, 1)
    ]
    other = run_folder(tmp_path / "cot", {"cot": 4}, settings=base | {"lambda": 1.0, "seed": 0})
    code, out, _ = printed(capsys, monkeypatch, seeds[0], other, seeds[1])
    assert code == 0 and out.count("test problems") == 1
    assert "A: 2 seeds:" in out and "exact sign-flip test" in unwrapped(out)
    row = next(line.split() for line in out.splitlines() if line.strip().startswith("cot "))
    # Problem 0 is solved by one of the two seeds and by the other side: its difference is half.
    assert row[1:6] == ["40.0", "cot", "20.0", "-20.0", "5/1"]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"seed": 0, "lambda": 1}, "the same seed twice"),
        ({"seed": 1, "lambda": 2}, "another setting"),
        (None, "nothing known of it"),
    ],
)
def test_other_runs_are_no_seeds_of_each_other(tmp_path, capsys, monkeypatch, settings, why):
    first = run_folder(tmp_path / "first", {"cot": 8}, settings={"seed": 0, "lambda": 1})
    second = run_folder(tmp_path / "second", {"cot": 8}, settings=settings)
    code, out, _ = printed(capsys, monkeypatch, first, second)
    assert code == 0 and "sign-flip" not in out, why


def test_seeds_alone_have_their_own_rows_compared(tmp_path, capsys, monkeypatch):
    solved = {"cot": 8, "pot": 12}
    runs = [run_folder(tmp_path / f"{k}", solved, settings={"seed": k}, first=k) for k in (0, 1)]
    code, out, _ = printed(capsys, monkeypatch, *runs)
    assert code == 0 and "A and B: 2 seeds:" in out and "exact sign-flip test" in unwrapped(out)
    row = next(line.split() for line in out.splitlines() if line.strip().startswith("cot "))
    assert row[1:5] == ["40.0", "pot", "60.0", "+20.0"]


def test_seeds_of_one_row_leave_nothing_to_compare(tmp_path, capsys, monkeypatch):
    runs = [run_folder(tmp_path / f"{k}", {"cot": 8}, settings={"seed": k}) for k in (0, 1)]
    code, _, err = printed(capsys, monkeypatch, *runs)
    assert code == 2 and "one row alone" in err


def test_one_run_alone_has_its_own_rows_compared_each_pair_once(tmp_path, capsys, monkeypatch):
    run = run_folder(tmp_path / "run", {"cot": 8, "pot": 12, "eot": 10})
    code, out, _ = printed(capsys, monkeypatch, run)
    assert code == 0 and out.count("test problems") == 1 and "A and B: " in out
    rows = [line.split() for line in out.splitlines() if re.search(r"\d/\d", line)]
    assert [(row[0], row[2]) for row in rows[:3]] == [
        ("cot", "pot"),
        ("cot", "eot"),
        ("cot", "vote"),
    ]
    assert len(rows) == 6, "four rows are six pairs"
    assert rows[0][-3:] == ["0/4", "0.1250", "0.7500"], "corrected for six"
    assert "Holm: p corrected for all 6 rows above" in " ".join(out.split())


def test_a_run_of_one_row_has_nothing_to_compare_by_itself(tmp_path, capsys, monkeypatch):
    code, _, err = printed(capsys, monkeypatch, run_folder(tmp_path / "run", {"cot": 8}))
    assert code == 2 and "has one row alone, so name another run to compare it with" in err


def test_the_same_folder_twice_is_refused_with_the_form_for_one(tmp_path, capsys, monkeypatch):
    run = run_folder(tmp_path / "run", {"cot": 8, "pot": 12})
    code, _, err = printed(capsys, monkeypatch, run, f"{run}/../run")
    assert code == 2 and "/../run is named twice" in err
    assert f"name it alone: python -m mdexp.compare {run}/../run" in err


def test_no_run_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as exit:
        main([])
    assert exit.value.code == 2 and "required: RUN" in capsys.readouterr().err


def test_pairs_are_joined_by_id_not_by_position():
    first = {"a": True, "b": False, "c": False}
    second = {"c": True, "b": False, "a": True}
    comparison = compare_verdicts(first, second)
    assert (comparison.mcnemar.only_first, comparison.mcnemar.only_second) == (0, 1)
    with pytest.raises(DifferentProblems, match="such as c"):
        compare_verdicts(first, {"a": True, "b": True})


def test_after_against_before_takes_rows_that_both_phases_have():
    after = [generation(k, t, k < 6) for k in range(10) for t in ("cot", "pot")]
    before = [replace(g, phase="before", correct=False) for g in after if g.thought == "cot"]
    changes = after_against_before([*after, *before], [])
    assert list(changes) == ["toy"] and list(changes["toy"]) == ["cot"]
    assert changes["toy"]["cot"].difference.mean == pytest.approx(0.6)
