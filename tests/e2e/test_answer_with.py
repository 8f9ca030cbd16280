"""answer_with=[pot]: a student that learned two thoughts answers with one of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mdexp.records import Generation
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from tests.e2e.test_after_alone import AFTER, keys


def test_the_student_is_the_same_and_writes_what_it_would_write_of_that_thought(
    command: Callable[..., int], tmp_path: Path
) -> None:
    words = ["trainer.max_steps=1", AFTER]
    assert command(*words, "hydra.run.dir=both") == 0
    assert command(*words, "answer_with=[pot]", "hydra.run.dir=one") == 0
    both, one = keys(tmp_path / "both"), keys(tmp_path / "one")
    assert [stage for stage in both if both[stage] != one[stage]] == ["after", "score"]
    kept = read_jsonl(tmp_path / "one" / "generations.jsonl", Generation)
    every = read_jsonl(tmp_path / "both" / "generations.jsonl", Generation)
    assert {row.thought for row in every} == {"cot", "pot"}
    same = [row for row in every if row.thought == "pot"]
    assert kept and [replace(row, logprob=None) for row in kept] == [
        replace(row, logprob=None) for row in same
    ]
    # Fewer rows are read together, so that sums may round differently.
    assert [row.logprob for row in kept] == pytest.approx([row.logprob for row in same], abs=1e-4)
    metrics = read_json(tmp_path / "one" / "metrics.json")
    assert all(set(phases["after"]) == {"pot", "vote"} for phases in metrics.values())
    assert (tmp_path / "one" / "report.html").is_file()
