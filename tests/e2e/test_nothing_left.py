"""A run that has nothing to train on stops and names the key; what a stage mostly drops is said."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mdexp.commands.run import main
from mdexp.store.files import read_json
from mdexp.store.json_lines import write_jsonl
from tests.e2e.conftest import SMALL

UP_TO_EXAMPLES = "stages=[prepare,extract,verify,examples]"


def template(part: str, number: int) -> dict[str, object]:
    a, b = (11, 13) if part == "train" else (12, 17)
    a, b = a + 7 * number, b + 5 * number
    return {
        "id": f"{part}{number}",
        "question": f"Ann has {a} pens and finds {b} pens. How many pens has Ann?",
        "answer": a + b,
        "rationale": f"She has {a} + {b} = {a + b} pens.",
    }


@pytest.fixture
def templated(tmp_path: Path) -> Callable[..., int]:
    """Run on 15 training and 4 test problems that differ in their numbers alone."""
    for part, size in (("train", 15), ("test", 4)):
        rows = [template(part, number) for number in range(size)]
        (tmp_path / "problems").mkdir(exist_ok=True)
        write_jsonl(tmp_path / "problems" / f"{part}.jsonl", rows)
    return lambda *words: main(
        [*SMALL, "dataset.path=problems", "hydra.run.dir=run", UP_TO_EXAMPLES, *words]
    )


def counts(folder: Path) -> dict[str, dict[str, object]]:
    return {s["name"]: s["counts"] for s in read_json(folder / "run.json")["stages"]}


def replayed(tmp_path: Path, answers: Sequence[tuple[int, int]]) -> list[str]:
    """A teacher that gives these answers to the training problems of these numbers."""
    rows = [
        {"id": f"train{n}", "thought": "cot", "completion": f"The answer is {a}.", "model": "m"}
        for n, a in answers
    ]
    write_jsonl(tmp_path / "paths.jsonl", rows)
    return ["teacher=replay", "teacher.path=paths.jsonl", "thought=[cot]", "objective=union"]


def test_own_problems_from_one_template_are_trained_on(
    templated: Callable[..., int], tmp_path: Path
) -> None:
    assert templated() == 0
    found = counts(tmp_path / "run")
    assert found["prepare"]["leaked"] == 0 and found["prepare"]["kept/masked"] == 15
    assert found["examples"]["examples"] == 24  # two thoughts of 12 problems


def test_a_run_whose_training_problems_all_leak_stops_and_names_the_key(
    templated: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert templated("dataset.overlap=masked") == 2
    told = capsys.readouterr().err
    assert "dataset.overlap: prepare kept 0 of 15 training problems; dropped: leaked 15" in told
    assert "exact compares the numbers, too" in told
    assert "raceback" not in told
    assert "extract" not in counts(tmp_path / "run")


def test_a_run_without_a_training_file_stops(
    templated: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "problems" / "train.jsonl").unlink()
    assert templated() == 2
    assert "dataset: it has no training problem, so nothing can be trained; a run with stages=" in (
        capsys.readouterr().err
    )
    assert templated("stages=[prepare]") == 0


def test_a_run_without_a_verified_path_stops(
    templated: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert templated(*replayed(tmp_path, [(n, 5) for n in range(15)])) == 2
    told = capsys.readouterr().err
    assert "verify.mode: verify kept 0 of 12 paths; dropped: wrong_answer 12" in told


def test_a_run_without_an_example_stops(
    templated: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert templated("trainer.max_tokens=122") == 2
    told = capsys.readouterr().err
    assert "trainer.max_tokens: examples kept 0 of 24 lessons" in told
    [fits] = re.findall(r"; 122 is too few, the shortest lesson has (\d+) tokens\n", told)
    assert templated(f"trainer.max_tokens={int(fits) - 1}") == 2
    assert templated(f"trainer.max_tokens={fits}") == 0


def test_a_stage_that_drops_over_half_says_so_in_terminal_and_report(
    templated: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [(n, 24 + 12 * n if n < 5 else 5) for n in range(15)]
    every = "stages=[prepare,extract,verify,examples,train,generate,score,report]"
    assert templated(*replayed(tmp_path, wrong), every) == 0
    dropped = counts(tmp_path / "run")["verify"]["dropped"]
    sentence = f"verify kept {12 - dropped['wrong_answer']} of 12 paths; dropped: wrong_answer"
    assert f"warning: {sentence}" in capsys.readouterr().out
    for report in ("report.md", "report.html"):
        text = (tmp_path / "run" / report).read_text()
        assert 0 < text.index(sentence.split(";")[0]) < text.index("Accuracy")
    assert "15 train" not in text and "12 train" in text
