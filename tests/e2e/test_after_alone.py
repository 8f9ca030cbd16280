"""stages=[..., after, ...]: the student is asked after training and not before."""

from collections.abc import Callable
from pathlib import Path

from mdexp.records import Generation
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl

AFTER = "stages=[prepare,extract,verify,examples,train,after,score,report]"


def keys(run: Path) -> dict[str, str]:
    return {stage["name"]: stage["key"] for stage in read_json(run / "run.json")["stages"]}


def test_only_the_trained_student_is_asked_and_its_answers_are_those_of_a_whole_run(
    command: Callable[..., int], tmp_path: Path
) -> None:
    words = ["thought=[pot]", "objective=union", "trainer.max_steps=1"]
    assert command(*words, AFTER, "hydra.run.dir=alone") == 0
    assert command(*words, "hydra.run.dir=whole") == 0
    alone, whole = keys(tmp_path / "alone"), keys(tmp_path / "whole")
    assert whole.keys() - alone.keys() == {"before"}
    assert alone["after"] == whole["after"]
    kept = read_jsonl(tmp_path / "alone" / "generations.jsonl", Generation)
    every = read_jsonl(tmp_path / "whole" / "generations.jsonl", Generation)
    assert kept and kept == [row for row in every if row.phase == "after"]
    assert (tmp_path / "alone" / "report.html").is_file()
