"""The parts of docs/parts.md, written into an empty folder, are found, judged and run."""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from mdexp.commands.run import main
from mdexp.records import Example, Generation, Lesson, Problem, VerifiedPath, Vote
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl, write_jsonl
from tests.e2e.conftest import SMALL
from tests.loopback import LoopbackServer
from tests.talking import Talking

PAGE = Path(__file__).parents[2] / "docs" / "parts.md"
FILE = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)
PARTS = [
    "thought=[cot,hashes]",
    "lesson=[shortest]",
    "dataset=riddles",
    "teacher=scholar",
    "student=small",
]
PARTS += ["vote=last", "grader=digits"]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILE.findall(PAGE.read_text()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "parts"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def test_one_of_each_part_from_a_folder(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDEXP_PARTS", "parts")
    small = [word for word in SMALL if not word.startswith(("dataset=", "student="))]
    assert main(["--config-dir", "conf", *PARTS, *small, "hydra.run.dir=run"]) == 0
    verified = read_jsonl(own / "run" / "verified.jsonl", VerifiedPath)
    assert {(path.thought, path.model) for path in verified} == {
        ("cot", "scholar"),
        ("hashes", "scholar"),
    }
    targets = [e.target for e in read_jsonl(own / "run/examples.jsonl", Example)]
    assert "I have 10 + 1 = 11 apples.\n#### 11" in targets
    assert set(read_json(own / "run" / "metrics.json")["riddles"]["after"]) == {
        "cot",
        "hashes",
        "vote",
    }
    vote = read_json(own / "run" / "metrics.json")["riddles"]["after"]["vote"]
    assert (vote["rule"], vote["grader"]) == ("2 for a path of hashes", "digits 1")
    assert {vote.rule for vote in read_jsonl(own / "run" / "votes.jsonl", Vote)} == {"last"}
    report = (own / "run" / "report.md").read_text()
    assert "made up on the spot (CC0)" in report
    assert "| riddles | vote of 2 |" in report and "the run's own grader (digits 1)" in report
    again = ["run=run", "stages=[score,report]", "vote.weight=3", "vote=last"]
    assert main(["--config-dir", "conf", *again]) == 0, "another option, and nothing is generated"
    rescored = own / "run" / "rescored" / "vote.weight-3_vote-last"
    vote = read_json(rescored / "metrics.json")["riddles"]["after"]["vote"]
    assert vote["rule"] == "3 for a path of hashes"


def attempts(asked: str, part: int, number: int) -> str:
    """A teacher whose first expression fails for every other question."""
    a, b = map(int, re.findall(r"\d+", asked))
    if "####" in asked:
        return f"{a} + {b} = {a + b}.\n#### {a + b}"
    return f"{a} + {b}" if part or a % 2 else f"{a} + what"


METHOD = [
    "thought=[hashes,expressions]",
    "lesson=[shortest]",
    "objective=factor",
    "decoding=likeliest",
    "vote=usual_length",
    "grader=digits",
    "decoding.num_paths=2",
    "decoding.validation_paths=2",
    "teacher=openai",
    "teacher.model=large",
    "teacher.num_shots=0",
    "num_paths=2",
    "trainer.max_tokens=2048",
]


def test_a_method_of_ones_own_is_walked_by_a_server_and_by_a_student(
    own: Path, problems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thought with a loop and runs, a lesson maker, objective, decoder, scorer, grader and vote,
    each one file and one yaml."""
    monkeypatch.setenv("MDEXP_PARTS", "parts")
    with LoopbackServer() as server:
        talking = Talking(server, attempts)
        place = [f"teacher.base_url={server.url}", f"dataset.path={problems}"]
        assert main(["--config-dir", "conf", *SMALL, *METHOD, *place, "hydra.run.dir=run"]) == 0
        first, second = talking.bought
    run = own / "run"
    lessons = read_jsonl(run / "lessons.jsonl", Lesson)
    mended = [one for one in lessons if len([s for s in one.segments if s.author == "writer"]) > 1]
    assert 0 < second < first and mended and {one.thought for one in mended} == {"expressions"}
    for lesson in mended:
        failed, target = (s for s in lesson.segments if s.author == "writer")
        assert (failed.text[-4:], failed.scored, target.scored) == ("what", False, True)
    generations = read_jsonl(run / "generations.jsonl", Generation)
    trained = [g for g in generations if g.phase == "after"]
    assert {(g.split, g.sample) for g in trained} == {
        (split, sample) for split in ("validation", "test") for sample in range(3)
    }
    likeliest = {(g.problem_id, g.thought): g.logprob for g in trained if g.sample == 0}
    assert all(g.logprob <= likeliest[g.problem_id, g.thought] for g in trained)  # type: ignore[operator]
    looped = [g for g in trained if g.thought == "expressions" and len(g.segments) > 1]
    assert any(s.author == "executor" for g in looped for s in g.segments)
    metrics = read_json(run / "metrics.json")["jsonl"]["after"]
    assert list(metrics) == ["hashes", "expressions", "hashes vote", "expressions vote", "vote"]
    assert metrics["vote"]["rule"].startswith("majority by scores of usuallength, ties to ")
    assert metrics["vote"]["grader"] == "digits 1"
    counts = {s["name"]: s["counts"] for s in read_json(run / "run.json")["stages"]}["score"]
    assert set(counts["solved on validation by vote"]["after"]) == {
        "temperature 1",
        "temperature 4",
    }
    assert "those of hashes times 2" in (run / "report.html").read_text()
    again = ["run=run", "stages=[score,report]", "vote=last", "grader=strict"]
    assert main(["--config-dir", "conf", *again]) == 0
    rescored = run / "rescored" / "vote-last_grader-strict"
    vote = read_json(rescored / "metrics.json")["jsonl"]["after"]["vote"]
    assert re.match("2 for a path of (hashes|expressions)", vote["rule"])


def test_a_package_that_is_not_named_is_not_built(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config-dir", "conf", *PARTS]) == 2
    told = capsys.readouterr().err
    assert "got 'parts.hashes.Hashes'; a package of your own is allowed by" in told
    assert "naming it in MDEXP_PARTS" in told
    assert "parts.hashes" not in sys.modules


def test_a_logger_from_a_folder(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the steps of a training while it runs; mlflow stands in for itself."""
    from pytorch_lightning import loggers

    class Noted(loggers.CSVLogger):
        def __init__(self, experiment: str, run_name: str) -> None:
            super().__init__(own / "mlflow", name=experiment, version=run_name)

    monkeypatch.setenv("MDEXP_PARTS", "parts")
    monkeypatch.setattr(loggers, "MLFlowLogger", Noted)
    small = [word for word in SMALL if not word.startswith(("dataset=", "student=", "logger"))]
    chosen = [*PARTS, "logger=mlflow", "logger.experiment=mine"]
    assert main(["--config-dir", "conf", *chosen, *small, "hydra.run.dir=run"]) == 0
    live = (own / "mlflow" / "mine" / "run" / "metrics.csv").read_text().splitlines()
    assert "train/nll_hashes" in live[0] and len(live) == 3
    assert (own / "run" / "tracked.txt").read_text() == "done"


OOD = """\
defaults:
  - jsonl
  - _self_
name: sums
path: ${oc.env:PWD}/sums
licence: CC0
"""


def test_a_dataset_of_ones_own_is_tested_on_out_of_distribution(
    own: Path, problems: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MDEXP_PARTS", "parts")
    monkeypatch.setenv("PWD", str(own))
    (own / "conf/dataset/sums.yaml").write_text(OOD)
    sums = [{"id": f"s{n}", "question": f"Is {n} a {n}-sum?", "answer": n} for n in range(3)]
    (own / "sums").mkdir()
    write_jsonl(own / "sums" / "test.jsonl", sums)
    words = [*SMALL, f"dataset.path={problems}", "dataset.ood=[riddles,sums]", "stages=[prepare]"]
    assert main(["--config-dir", "conf", *words, "hydra.run.dir=run"]) == 0
    prepared = read_jsonl(own / "run" / "problems.jsonl", Problem)
    tested = Counter(problem.dataset for problem in prepared if problem.split == "test")
    assert tested == {"jsonl": 4, "riddles": 2, "sums": 3}
    data = read_json(own / "run" / "run.json")["data"]
    assert data[1:] == ["made up on the spot (CC0)", "files of your own (CC0)"]
    assert main(["run=run", "stages=[prepare]"]) == 0, "without its folder: the run knows all of it"
    assert read_jsonl(own / "run" / "problems.jsonl", Problem) == prepared
    assert main([*words, "hydra.run.dir=other"]) == 2
    assert "no dataset 'riddles'; available: aqua, arc_easy, asdiv, " in capsys.readouterr().err
    processes = ["hydra/launcher=processes", "-m", "seed=0,1", "hydra.sweep.dir=sweep"]
    monkeypatch.setenv("PYTHONPATH", f"{own}:{Path(__file__).parents[2]}")
    assert main(["--config-dir", "conf", *words, *processes]) == 0
    for job in "01":
        prepared = read_jsonl(own / "sweep" / job / "problems.jsonl", Problem)
        assert {problem.dataset for problem in prepared} == {"jsonl", "riddles", "sums"}
