"""bench/repairs.py on a run: what is sent back to the student, and what becomes of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import repairs as bench
from mdexp.config.judging import judge
from mdexp.decoding.writing import Writing
from mdexp.records import Problem, Segment
from mdexp.sandbox.executor import Sandbox
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl


def test_faults_are_sent_back_and_right_repairs_counted(
    kept_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scripted student: wrong programs first, one of which raises, then right ones, but for one
    problem, whose program it repeats. Samples are right for one problem."""
    run = kept_run("experiment=pad", "stages=[prepare,extract,verify,examples,train]")
    settings = judge(read_json(run / "run.json")["settings"])
    test = [p for p in read_jsonl(run / "problems.jsonl", Problem) if p.split == "test"]
    raising, stubborn, lucky, without = test
    file = tmp_path / "programs.jsonl"
    rows = [
        {"id": p.id, "thought": "pot", "completion": f"a = {p.answer}\nans = a + 0", "model": "m"}
        for p in (raising, stubborn, lucky)
    ]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    gold = {problem.id: problem.answer for problem in test}

    def write(self: Writing, pending: Sequence[Any]) -> list[Segment]:
        return [said(walk.transcript) for walk, _ in pending]

    def said(transcript: Any) -> Segment:
        name, texts = transcript.problem_id, transcript.by("writer")
        assert name != without.id, "it has no right recorded program"
        wrong = "ans = nothing" if name == raising.id else "ans = -5"
        text = wrong
        if transcript.sample:
            text = f"ans = {gold[name]}" if name == lucky.id else wrong
        elif texts:
            assert transcript.segments[-1].author == "executor", "it was run"
            text = texts[-1].text if name == stubborn.id else f"ans = {gold[name]}"
        return Segment(author="writer", text=text, num_tokens=7)

    monkeypatch.setattr(Writing, "write", write)
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        own, injected, sampled, note = bench.measured(run, settings, file, 10, 2, sandbox)
    assert "3 of 4 test problems have a right recorded program, of which 3 were asked" in note
    assert "0 greedy programs are right, 0 were cut short and are left out, 3 failed" in note
    by_id = {row.problem_id: row for row in own}
    assert [by_id[p.id].right for p in (raising, stubborn, lucky)] == [True, False, True]
    assert [by_id[p.id].raises for p in (raising, stubborn, lucky)] == [True, False, False]
    assert [row.again for row in own] == [row.problem_id == stubborn.id for row in own]
    assert {row.written for row in own} == {7} and min(row.read for row in own) > 0
    assert injected and all(row.right != (row.problem_id == stubborn.id) for row in injected)
    assert {name for name, one in sampled.items() if any(one.right)} == {lucky.id}
