"""answer_with=[pot]: a student that learned two thoughts answers with one of them."""

from collections.abc import Callable
from pathlib import Path

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
    assert kept and kept == [row for row in every if row.thought == "pot"]
    metrics = read_json(tmp_path / "one" / "metrics.json")
    assert all(set(phases["after"]) == {"pot", "vote"} for phases in metrics.values())
    assert (tmp_path / "one" / "report.html").is_file()
