"""What others read: the verified paths as a data set, the student as a task of the harness."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mdexp.commands.export import main
from mdexp.commands.harness_task import graded_text
from mdexp.records import Output, Problem, VerifiedPath
from mdexp.store.files import plain_data
from mdexp.store.json_lines import read_jsonl


@pytest.fixture(scope="module")
def run(kept_run: Callable[..., Path]) -> Path:
    return kept_run()


def test_verified_paths_are_a_data_set_with_a_card(run: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert main([str(run), "paths", "--data"]) == 0
    rows = parquet.read_table(tmp_path / "paths/data/train-00000-of-00001.parquet").to_pylist()
    verified = read_jsonl(run / "verified.jsonl", VerifiedPath)
    assert [(r["problem_id"], r["thought"], r["text"]) for r in rows] == [
        (v.problem_id, v.thought, v.text) for v in verified
    ]
    assert rows[0]["question"].startswith("Ann has") and rows[0]["answer"] == rows[0]["gold"]
    card = (tmp_path / "paths" / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["configs"][0]["data_files"] == "data/train-*.parquet"
    for thought, number in Counter(path.thought for path in verified).items():
        assert re.search(rf"^\| {thought} \| {number} \| {number} \|", card, re.MULTILINE)
    for said in ("verify.mode=gold", "teacher=worked", "dataset.overlap=exact", "licence"):
        assert said in card
    assert main([str(run), "paths", "--data"]) == 2, "nothing is written over"


def test_a_run_without_verified_paths_is_no_data_set(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    assert command("stages=[prepare]", "hydra.run.dir=run") == 0
    assert main(["run", "paths", "--data"]) == 2
    assert "verified.jsonl" in capsys.readouterr().err
    assert not (tmp_path / "paths").exists()


@pytest.fixture
def student(run: Path, tmp_path: Path) -> Path:
    assert main([str(run), str(tmp_path / "student")]) == 0
    return tmp_path / "student"


def test_a_task_judges_as_the_run_does(run: Path, student: Path) -> None:
    problem = next(p for p in read_jsonl(run / "problems.jsonl", Problem) if p.split == "test")
    doc = {"problem": json.dumps(plain_data(problem))}
    answer = problem.answer
    judged = [
        graded_text(student / "lm_eval", thought, doc, text)
        for thought, text in (
            ("cot", f"So the answer is {answer}."),
            ("cot", f"So the answer is {answer}0."),
            ("pot", f"```python\nans = {answer} + 0\n```"),
            ("pot", f"```python\nans = {answer} + 1\n```"),
        )
    ]
    assert judged == [True, False, True, False]


def test_the_harness_runs_the_task_and_the_student_writes_what_it_wrote_in_the_run(
    run: Path, student: Path
) -> None:
    lm_eval = pytest.importorskip("lm_eval")
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager

    tasks = TaskManager(include_path=str(student / "lm_eval"), include_defaults=False)
    found = lm_eval.simple_evaluate(
        model="hf",
        model_args=f"pretrained={student},dtype=float32,device=cpu",
        tasks=["mdexp_cot", "mdexp_pot"],
        task_manager=tasks,
        bootstrap_iters=0,
    )
    outputs = read_jsonl(run / "outputs_after.jsonl", Output)
    for thought in ("cot", "pot"):
        wrote = {o.problem_id: o.text for o in outputs if o.thought == thought and o.sample == 0}
        samples = found["samples"][f"mdexp_{thought}"]
        assert len(samples) == 4
        for sample in samples:
            assert sample["resps"][0][0].strip() == wrote[_id(sample["doc"])].strip()

    class Oracle(LM):
        def generate_until(self, requests: list[Any]) -> list[str]:
            return [f"The answer is {request.doc['answer']}." for request in requests]

        def loglikelihood(self, requests: list[Any]) -> Any:
            raise NotImplementedError

        loglikelihood_rolling = loglikelihood

    right = lm_eval.simple_evaluate(
        model=Oracle(), tasks=["mdexp_cot"], task_manager=tasks, bootstrap_iters=0
    )
    assert right["results"]["mdexp_cot"]["acc,none"] == 1.0


def _id(doc: dict[str, str]) -> str:
    id: str = json.loads(doc["problem"])["id"]
    return id
