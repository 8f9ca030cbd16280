"""A wrong command line exits 2, names key, value and what is allowed, and starts nothing."""

from pathlib import Path

import pytest

from mdexp.app import main
from tests.config.conftest import Experiments

CASES = [
    ("lamda=0.3", "lamda: unknown key; did you mean lambda?"),
    ("+lamda=0.3", "lamda: unknown key; did you mean lambda?"),
    ("trainer.step_problem=4", "did you mean trainer.step_problems?"),
    ("learning_rate=1e-4", "did you mean trainer.learning_rate?"),
    ("teacher.learning_rate=1e-4", "did you mean trainer.learning_rate?"),
    ("studnt=codellama", "studnt: unknown key; did you mean student?"),
    ("student=codelama", "did you mean student=codellama?"),
    ("student=svamp", "no such option of student"),
    ("student=svamp", "did you mean dataset=svamp?"),
    ("thought=[cot,pott]", "did you mean thought=pot?"),
    ("codellama", "an argument is written key=value; did you mean student=codellama?"),
    ("--lambda=0.3", "a key is written without dashes"),
    ("lambda=1.5", "lambda: input should be less than or equal to 1, got 1.5"),
    ("lambda=nan", "lambda: input should be a finite number, got nan"),
    ("lambda=abc", "lambda: input should be a valid number, got 'abc'"),
    ("lambda=true", "lambda: input should be a valid number, got True"),
    ("lambda=0,5", "several values are a sweep, which needs -m"),
    ("sweep=lambda", "sweep=lambda needs -m"),
    ("seed=-1", "seed: input should be greater than or equal to 0, got -1"),
    ("num_paths=0", "num_paths: input should be greater than or equal to 1, got 0"),
    ("num_paths=1.5", "num_paths: input should be a valid integer"),
    ("stages=[score,prepare]", "must be in order and named once"),
    ("stages=[]", "must be in order and named once"),
    ("stages=[scor]", "got 'scor'"),
    ("thought=[]", "choose at least one, as in thought=[cot]"),
    ("thought=[label]", "objective=dual weighs exactly two thoughts, got label"),
    ("objective.lambda_thought=label", "must be one of cot, pot, got label"),
    ("lambda=null", "lambda: objective=dual needs a number in [0, 1], got null"),
    ("objective=union lambda=0.3", "lambda=0.3 would be ignored: objective=union"),
    ("objective=weighted lambda=0.3", "lambda=0.3 would be ignored: objective=weighted"),
    ("objective=weighted objective.weights.cot=0.6", "objective.weights must sum to 1, got 1.1"),
    ("objective=weighted thought=[cot]", "must name the chosen thoughts"),
    ("objective=weighted objective.weights.cot=-1", "objective.weights.cot: input should be greater"),
    ("teacher=openai", "teacher.model: needs a value"),
    ("teacher._target_=os.system", "_target_ must start with 'mdexp.', got 'os.system'"),
    ("teacher._target_=mdexp.teacher.none.Teacher", "no module named mdexp.teacher.none"),
    ("teacher._target_=mdexp.records.Problem", "is no pydantic model"),
    ("student.tuning=lroa", "student.tuning: input should be 'full' or 'lora', got 'lroa'"),
    ("student.lora_rank=0", "student.lora_rank: input should be greater than or equal to 1, got 0"),
    ("trainer=cpu trainer.precision=16-mixed", "needs a GPU"),
    ("trainer.learning_rate=inf", "trainer.learning_rate: input should be a finite number, got inf"),
    ("run=nowhere", "run: nowhere has no run.json"),
    ("run=nowhere lambda=0.3", "stages, store, logger can be given, not lambda"),
    ("-m lambda=0,0.5,2", "lambda: input should be less than or equal to 1, got 2"),
    ("-m sweep=lambda objective=union", "would be ignored: objective=union"),
    ("--cfg=job lamda=0.3", "did you mean lambda?"),
]


@pytest.mark.parametrize(("line", "message"), CASES, ids=[f"{a} | {b[:24]}" for a, b in CASES])
def test_error(
    line: str,
    message: str,
    experiments: Experiments,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(line.split()) == 2
    assert message in capsys.readouterr().err
    assert not experiments.seen
    assert not list(tmp_path.iterdir()), "a refused command leaves no folder"


def test_all_faults_are_told_at_once(
    experiments: Experiments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["seed=-1", "student.lora_rank=0", "trainer.epochs=0"]) == 2
    told = capsys.readouterr().err
    assert all(key in told for key in ("seed:", "student.lora_rank:", "trainer.epochs:"))
