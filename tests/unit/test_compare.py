"""Comparing runs: same problems only, joined by id, with the paired test."""

import re
import shutil
from dataclasses import replace

import pytest

from mdexp.artifacts import write_json, write_jsonl
from mdexp.compare import main
from mdexp.records import Generation, Problem
from mdexp.scoring.pairing import DifferentProblems, after_against_before, compare
from mdexp.scoring.score import metrics, votes


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


def run_folder(folder, solved, *, n=20, question="How many?", phase="after", datasets=("toy",)):
    """A scored run in which each thought of `solved` gets that many of n problems right."""
    folder.mkdir()
    order = list(solved)
    generations = [
        generation(k, thought, k < right, phase, dataset)
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
    write_json(folder / "metrics.json", metrics(generations, elected, order))
    return str(folder)


def printed(capsys, monkeypatch, *runs):
    monkeypatch.setenv("COLUMNS", "100")
    code = main(list(runs))
    out, err = capsys.readouterr()
    return code, out, err


def test_every_row_of_the_first_run_meets_every_row_of_the_second(tmp_path, capsys, monkeypatch):
    mixed = run_folder(tmp_path / "mixed", {"cot": 8, "pot": 12})
    label = run_folder(tmp_path / "label", {"label": 4})
    code, out, _ = printed(capsys, monkeypatch, mixed, label)
    assert code == 0 and "toy, 20 test problems" in out and "exact McNemar" in out
    rows = [line.split() for line in out.splitlines() if " label " in line]
    assert [row[0] for row in rows] == ["cot", "pot", "tie-break"]
    # 8 fewer right, all of them solved by pot alone: p = 2 / 2**8.
    assert rows[1] == ["pot", "60.0", "label", "20.0", "-40.0", "8/0", "0.0078"]


def test_a_run_of_three_thoughts_meets_one_of_two(tmp_path, capsys, monkeypatch):
    etd = run_folder(tmp_path / "etd", {"cot": 8, "pot": 12, "eot": 10})
    md = run_folder(tmp_path / "md", {"cot": 8, "pot": 12})
    code, out, _ = printed(capsys, monkeypatch, etd, md)
    rows = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines() if " tie-break " in line]
    assert code == 0 and [row[0] for row in rows] == ["cot", "pot", "eot", "vote of 3"]
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
    code, _, err = printed(capsys, monkeypatch, first, first)
    assert code == 2 and "nothing was generated after training" in err


def test_one_run_alone_is_a_usage_error(tmp_path, capsys):
    with pytest.raises(SystemExit) as exit:
        main([str(tmp_path)])
    assert exit.value.code == 2 and "at least two runs" in capsys.readouterr().err


def test_pairs_are_joined_by_id_not_by_position():
    first = {"a": True, "b": False, "c": False}
    second = {"c": True, "b": False, "a": True}
    comparison = compare(first, second)
    assert (comparison.mcnemar.only_first, comparison.mcnemar.only_second) == (0, 1)
    with pytest.raises(DifferentProblems, match="such as c"):
        compare(first, {"a": True, "b": True})


def test_after_against_before_takes_rows_that_both_phases_have():
    after = [generation(k, t, k < 6) for k in range(10) for t in ("cot", "pot")]
    before = [replace(g, phase="before", correct=False) for g in after if g.thought == "cot"]
    changes = after_against_before([*after, *before], [])
    assert list(changes) == ["toy"] and list(changes["toy"]) == ["cot"]
    assert changes["toy"]["cot"].difference.mean == pytest.approx(0.6)
