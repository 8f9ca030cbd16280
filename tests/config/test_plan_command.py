"""`python -m mdexp.plan`: the words of a run, no key, no call, no run folder."""

import json
import shlex
from pathlib import Path

import pytest

from mdexp.commands.plan import main
from tests.buyer import NO_PROGRAMS
from tests.loopback import LoopbackServer

ROWS = [
    {"id": f"r{i}", "question": f"How many {name} are left of {i}?", "answer": i}
    for i, name in enumerate(["cats", "dogs", "pens", "cups", "maps", "keys"], start=10)
]


@pytest.fixture(autouse=True)
def _own_problems(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("MDEXP_STORE", str(tmp_path / "store"))
    for name, rows in (("train", ROWS[:5]), ("test", ROWS[5:])):
        lines = (json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))


SMALL = "student=tiny_causal trainer=cpu trainer.precision=32-true"
WORDS = f"dataset=jsonl dataset.path=. teacher=openai teacher.model=gpt-5.4 {SMALL}"


def told(line, capsys):
    assert main(shlex.split(line)) == 0
    return capsys.readouterr().out


def test_it_needs_no_key_and_leaves_no_run(tmp_path, capsys):
    out = told(WORDS, capsys)
    assert "gpt-5.4 at https://api.openai.com/v1" in out
    assert "8 wanted, 0 owned, 8 to buy in 8 requests" in out
    assert "expected, at most $" in out
    assert "\ncot, problem r1" in out
    assert "\npot, problem r1" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "store",
        "test.jsonl",
        "train.jsonl",
    ]


def test_a_sweep_is_one_plan(capsys):
    out = told(f"{WORDS} -m num_paths=1,3 lambda=0,1", capsys)
    assert "24 wanted, 0 owned, 24 to buy in 8 requests" in out
    assert out.count(" wanted,") == 1
    both = told(f"{WORDS} -m teacher.model=gpt-5.4,gpt-5.5", capsys)
    assert both.count("8 wanted, 0 owned") == 2


def test_what_the_ledger_has_is_owned(tmp_path, capsys):
    from mdexp.commands.run_plan import judged_jobs
    from mdexp.stages.prepare import prepared
    from mdexp.stages.problem_sets import training_problems
    from mdexp.teacher.command_id import new_command

    with LoopbackServer() as server:
        line = f"{WORDS} teacher.base_url={server.url}"
        [job] = judged_jobs(shlex.split(line))
        asked = training_problems(prepared(job))[:3]
        with new_command():
            list(
                job.teacher.paths(asked, job.thoughts, Path(tmp_path / "store/ledger"), NO_PROGRAMS)
            )
        calls = server.num_calls
        out = told(line, capsys)
        assert server.num_calls == calls == 6
    assert "8 wanted, 6 owned, 2 to buy in 2 requests" in out
    assert "6 latest replies of the model" in out
    assert "costs nothing" in out


def test_a_teacher_that_asks_nobody(capsys):
    out = told(f"dataset=jsonl dataset.path=. {SMALL}", capsys)
    assert out.startswith(
        "WorkedTeacher asks nobody and costs nothing\nmemory of training on one device"
    )


def test_what_does_not_fit_is_said_with_what_would(capsys):
    line = f"dataset=jsonl dataset.path=. {SMALL} 'stages=[prepare,extract,verify,examples,train]'"
    assert "does not fit" not in told(f"--memory 1 {line}", capsys)
    out = told(f"--devices 2 --memory 0.02 {line}", capsys)
    assert "on each of 2 devices in 32-true" in out and "communication" in out
    assert "GB with trainer.activation_checkpointing=true trainer.micro_batch_tokens=256" in out
    assert "would not with" in told(f"--memory 0.0001 {line}", capsys)


def test_memory_is_of_each_student_once(capsys):
    line = f"dataset=jsonl dataset.path=. {SMALL} 'stages=[prepare,extract,verify,examples,train]'"
    assert told(f"{line} -m lambda=0,1", capsys).count("memory of training") == 1
    assert told(f"{line} -m student.tuning=full,lora", capsys).count("memory of training") == 2


def test_a_student_that_is_not_here_costs_the_plan_its_memory_alone(capsys):
    out = told("dataset=jsonl dataset.path=. student.package=not_here", capsys)
    assert "memory is not known: student.package=not_here: no weights are installed" in out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{WORDS} teacher.exemplar_sets=9", "teacher: exemplar_sets: got 9, there are 4"),
        (f"{WORDS} num_paths=1,2", "several values are a sweep, which needs -m"),
        ("teacher=openai", "teacher.model: needs a value"),
        ("--devices 0", "--devices must be above 0, got 0"),
    ],
)
def test_faults_are_those_of_a_run(line, message, capsys):
    assert main(shlex.split(line)) == 2
    assert message in capsys.readouterr().err
