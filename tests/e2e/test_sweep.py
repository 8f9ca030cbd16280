"""Sweeps: what their jobs share is done once, and one that fails hides no other."""

import csv
import re
from collections import Counter

from mdexp.commands.run import main
from mdexp.records import Problem
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from tests.e2e.conftest import states
from tests.loopback import LoopbackServer

ASKED = re.compile(r"Ann has (\d+) \w+ and finds (\d+)")
SHARED = {"prepare", "extract", "verify", "examples"}  # none of them depends on λ


def solution(question, number):
    """A path that leads to gold, in other words each time."""
    a, b = ASKED.search(question).groups()
    if "program" in question:
        return f"found_{number} = {b}\nans = {a} + found_{number}"
    return f"Way {number}: {a} + {b} = {int(a) + int(b)}.\nThe answer is {int(a) + int(b)}."


def table(folder):
    return list(csv.DictReader((folder / "results.csv").open()))


def test_each_path_of_the_teacher_is_asked_for_once(command, tmp_path, capsys):
    with LoopbackServer(answer=solution) as server:
        teacher = ["teacher=openai", "teacher.model=loop", f"teacher.base_url={server.url}"]
        sweep = ["-m", "lambda=0,0.5,1", "num_paths=1,2", "hydra.sweep.dir=sweep"]
        assert command(*sweep, *teacher) == 0
    problems = read_jsonl(tmp_path / "sweep" / "0" / "problems.jsonl", Problem)
    trained_on = [problem.question for problem in problems if problem.split == "train"]
    assert len(trained_on) == 12
    assert sorted(server.num_choices.values()) == [2] * len(trained_on) * 2
    assert {asked.split("\n")[0] for asked in server.num_choices} == set(trained_on)
    rows = table(tmp_path / "sweep")
    assert [row["state"] for row in rows] == ["ok"] * 6
    assert rows[5]["overrides"] == "lambda=1 num_paths=2"
    assert rows[5]["jsonl.after.vote.n"] == "4"
    shown = capsys.readouterr()
    assert "Accuracy on test after training" in shown.out
    assert "lambda=0.5" in shown.out
    assert "it/s" not in shown.err, "bars are for terminals, not for logs"
    ran = Counter(
        name
        for job in range(6)
        for name, state in states(tmp_path / "sweep" / str(job)).items()
        if state == "run"
    )
    # Those for two paths are done once more than those for one; the student before training once.
    assert {name: ran[name] for name in SHARED} == {
        "prepare": 1,
        "extract": 2,
        "verify": 2,
        "examples": 2,
    }
    assert (ran["before"], ran["train"], ran["after"]) == (1, 6, 6)
    for job, paths in enumerate([1, 2] * 3):
        stages = read_json(tmp_path / "sweep" / str(job) / "run.json")["stages"]
        counts = {stage["name"]: stage["counts"] for stage in stages}
        assert counts["verify"] == {"paths": 24 * paths, "verified": 24 * paths, "dropped": {}}


def test_a_failing_job_hides_no_other(command, tmp_path, capsys):
    assert command("-m", "trainer.max_tokens=1,512", "hydra.sweep.dir=sweep") == 2
    rows = table(tmp_path / "sweep")
    assert [row["state"] for row in rows] == ["failed", "ok"]
    shown = capsys.readouterr()
    assert "job 0" in shown.err and "trainer.max_tokens=1: " in shown.err
    assert "fits behind it" in shown.err and "raceback" not in shown.err
    assert (tmp_path / "sweep" / "1" / "report.html").is_file()
    assert read_json(tmp_path / "sweep" / "0" / "run.json")["state"] == "failed"
    # Another grader's scores stand beside the first ones, in the sweep's table, too.
    again = ["stages=[score,report]", "grader=pad"]
    assert main(["run=sweep/1", *again]) == 0
    assert main(["-m", "run=sweep/1", *again, "hydra.sweep.dir=again"]) == 0
    first, second = rows[1], table(tmp_path / "sweep")[2]
    assert table(tmp_path / "sweep")[:2] == rows
    assert second["overrides"] == f"{first['overrides']} grader-pad"
    assert second["jsonl.after.cot.grader"] == "pad 2" != first["jsonl.after.cot.grader"]
    assert [row["jsonl.after.cot.grader"] for row in table(tmp_path / "again")] == ["pad 2"]
    page = (tmp_path / "sweep" / "sweep.html").read_text()
    assert "1 of 2 jobs are done" in page and "1/rescored/grader-pad/report.html" in page
