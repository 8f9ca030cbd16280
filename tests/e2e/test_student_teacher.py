"""A student's own paths: as a teacher's, and as `mdexp harvest` writes them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdexp.commands.harvest import main as harvest
from mdexp.commands.run import main
from mdexp.config.judging import judge
from mdexp.config.settings import SettingsError
from mdexp.decoding.resume_cache import ResumeCache
from mdexp.decoding.student_teacher import StudentTeacher
from mdexp.records import Path as TeacherPath
from mdexp.records import Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.teacher.replay import ReplayTeacher
from tests.e2e.conftest import SMALL

# Several batches, so that a killed command has something to resume from.
RUN = [
    "stages=[prepare,extract,verify,examples,train]",
    "thought=[cot,pot]",
    "decoding.batch_size=10",
]


@pytest.fixture(scope="module")
def run(kept_run) -> Path:
    return kept_run(*RUN)


@pytest.fixture
def executor() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        yield sandbox


@pytest.fixture
def rows(run: Path, tmp_path: Path) -> list[dict]:
    assert harvest([str(run), str(tmp_path / "own.jsonl"), "--num-paths", "3"]) == 0
    return read_jsonl(tmp_path / "own.jsonl", dict)


def training_problems(run: Path) -> list[Problem]:
    return [p for p in read_jsonl(run / "problems.jsonl", Problem) if p.split == "train"]


def thoughts_of(run: Path):
    return judge(read_json(run / "run.json")["settings"]).asked_thoughts()


def paths(run: Path, num_paths: int, executor: Sandbox, ledger: Path) -> list[TeacherPath]:
    teacher = StudentTeacher(run=str(run), num_paths=num_paths)
    return list(teacher.paths(training_problems(run), thoughts_of(run), ledger, executor))


def test_harvest_writes_every_training_problem_and_no_other(run: Path, rows: list[dict]) -> None:
    wanted = [
        (p.id, name, sample)
        for p in training_problems(run)
        for name in ("cot", "pot")
        for sample in range(3)
    ]
    assert [(row["id"], row["thought"], row["sample"]) for row in rows] == wanted
    assert all(row["status"] == "truncated" and not row["correct"] for row in rows), "6 tokens"
    assert all(row["logprob"] < 0 for row in rows)
    greedy, *sampled = ({r["completion"] for r in rows if r["sample"] == k} for k in range(3))
    assert greedy.isdisjoint(sampled[0]) and sampled[0] != sampled[1]


def test_replay_plays_what_was_harvested(run, rows, executor, tmp_path) -> None:
    teacher = ReplayTeacher(path=str(tmp_path / "own.jsonl"), num_paths=3)
    played = teacher.paths(training_problems(run), thoughts_of(run), tmp_path, executor)
    assert [(p.problem_id, p.thought, p.sample, p.text, p.finish_reason) for p in played] == [
        (r["id"], r["thought"], r["sample"], r["completion"], "length") for r in rows
    ]


def test_the_teacher_writes_what_is_harvested(run, rows, executor, tmp_path) -> None:
    three = paths(run, 3, executor, tmp_path / "ledger")
    assert [(p.problem_id, p.thought, p.sample, p.text) for p in three] == [
        (r["id"], r["thought"], r["sample"], r["completion"]) for r in rows
    ]
    assert paths(run, 2, executor, tmp_path / "ledger") == [p for p in three if p.sample < 2]
    assert not list((tmp_path / "ledger").iterdir()), "nothing is kept of a finished command"


def test_a_killed_teacher_resumes_to_the_same_paths(run, executor, tmp_path, monkeypatch) -> None:
    whole = paths(run, 2, executor, tmp_path / "other")
    keep, kept = ResumeCache.keep, []

    def until_killed(cache: ResumeCache, *batch) -> None:
        if len(kept) == 2:
            raise KeyboardInterrupt
        kept.append(batch)
        keep(cache, *batch)

    with monkeypatch.context() as patch:
        patch.setattr(ResumeCache, "keep", until_killed)
        with pytest.raises(KeyboardInterrupt):
            paths(run, 2, executor, tmp_path / "ledger")
    asked = []
    find = ResumeCache.find
    with monkeypatch.context() as patch:
        patch.setattr(ResumeCache, "find", lambda *of: asked.append(found := find(*of)) or found)
        assert paths(run, 2, executor, tmp_path / "ledger") == whole
    assert sum(found is not None for found in asked) == 2


def test_a_run_learns_from_the_student_of_another(run, tmp_path) -> None:
    given = ["teacher=student", f"teacher.run={run}", "num_paths=2", "verify.mode=none"]
    place = f"dataset.path={read_json(run / 'run.json')['settings']['dataset']['path']}"
    stages = "stages=[prepare,extract]"
    assert main([*SMALL, place, *given, stages, "hydra.run.dir=second"]) == 0
    written = read_jsonl(tmp_path / "second" / "paths.jsonl", TeacherPath)
    assert {path.problem_id for path in written} == {p.id for p in training_problems(run)}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["thought=[eot]", "objective=union"], "the student of"),
        (["thought=[cot]", "objective=union", "thoughts.cot.cue=Well?"], "cot with other options"),
        (["teacher.run=nowhere"], "nowhere"),
    ],
)
def test_what_it_cannot_teach_is_refused(run, capsys, keys, said) -> None:
    place = f"dataset.path={read_json(run / 'run.json')['settings']['dataset']['path']}"
    given = ["teacher=student", f"teacher.run={run}", "stages=[prepare,extract]"]
    assert main([*SMALL, place, *given, *keys]) == 2
    assert said in capsys.readouterr().err


def test_a_student_that_learned_from_a_test_problem_is_refused(run, tmp_path, capsys) -> None:
    learned = training_problems(run)[0]
    for part, rows in (
        ("train", [{"id": "new", "question": "What is 1 and 2?", "answer": 3}]),
        ("test", [{"id": "old", "question": learned.question, "answer": learned.answer}]),
    ):
        write_jsonl(tmp_path / f"{part}.jsonl", rows)
    given = ["teacher=student", f"teacher.run={run}", "stages=[prepare,extract]"]
    assert main([*SMALL, f"dataset.path={tmp_path}", *given]) != 0
    assert "is the test problem old" in capsys.readouterr().err


def test_a_run_that_did_not_train_has_no_student(run, tmp_path) -> None:
    manifest = read_json(run / "run.json")
    stages = [stage for stage in manifest["stages"] if stage["name"] != "train"]
    (tmp_path / "run.json").write_text(json.dumps(manifest | {"stages": stages}))
    with pytest.raises(SettingsError, match="trained no student"):
        StudentTeacher(run=str(tmp_path), num_paths=1).files()
    assert harvest([str(tmp_path), str(tmp_path / "own.jsonl")]) == 2
