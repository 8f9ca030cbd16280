"""What a right command line runs, and what it leaves."""

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any, Never

import pytest

from mdexp.commands.run import main
from mdexp.config.settings import Settings
from mdexp.sweeps.job_name import sweep_of
from tests.config.conftest import METRICS, Experiments


@pytest.mark.parametrize("line", ["λ=0.3", "lambda=0.3", "experiment=md λ=0.3"])
def test_lambda_weighs_its_thought(line: str, experiments: Experiments) -> None:
    assert main(line.split()) == 0
    [(settings, _, config)] = experiments.seen
    assert settings.shares() == {"cot": 0.3, "pot": 0.7}
    assert config["lambda"] == 0.3


def test_lambda_follows_its_thought_not_the_order(experiments: Experiments) -> None:
    assert main(["lambda=0.3", "thought=[pot,cot]"]) == 0
    assert experiments.seen[0][0].shares() == {"pot": 0.7, "cot": 0.3}


def test_num_paths_reaches_the_teacher_alone(experiments: Experiments) -> None:
    assert main(["num_paths=3"]) == 0
    settings = experiments.seen[0][0]
    assert (settings.teacher.num_paths, settings.decoding.num_paths) == (3, 0)


@pytest.mark.parametrize(
    ("line", "lambdas"),
    [
        ("-m lambda=range(0,1.01,0.25)", [0, 0.25, 0.5, 0.75, 1]),
        ("-m sweep=lambda", [0, 0.25, 0.5, 0.75, 1]),
        ("-m sweep=lambda lambda=0,1", [0, 1]),
        ("-m sweep=num_paths", [0.5, 0.5, 0.5]),
        ("-m sweep=lambda_num_paths lambda=0,1", [0, 0, 0, 1, 1, 1]),
        ("lambda=0.2 -m seed=1,2", [0.2, 0.2]),
        ("-m λ=0,1", [0, 1]),
        ("-m lambda=0.5", [0.5]),
    ],
)
def test_sweep(line: str, lambdas: list[float], experiments: Experiments, tmp_path: Path) -> None:
    assert main(line.split()) == 0
    assert experiments.lambdas == lambdas
    folders = {folder for _, folder, _ in experiments.seen}
    assert len(folders) == len(lambdas), "every job has a folder of its own"
    [sweep] = (tmp_path / "multirun").iterdir()
    assert {sweep_of(folder) for folder in folders} == {sweep.name}


def test_a_failing_job_hides_no_other(
    experiments: Experiments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(settings: Settings) -> dict[str, Any]:
        if settings.lam == 0.5:
            raise RuntimeError("the kernel is on fire")
        return METRICS

    experiments.work = work
    assert main(["-m", "lambda=0,0.5,1", "seed=7"]) == 1
    assert experiments.lambdas == [0, 0.5, 1]
    shown = capsys.readouterr()
    assert "job 1 (lambda=0.5 seed=7) failed: RuntimeError: the kernel is on fire" in shown.err
    assert "failed" in shown.out
    assert "[10.0, 90.0]" in shown.out
    [table] = tmp_path.glob("multirun/*/results.csv")
    rows = list(csv.DictReader(table.open()))
    assert [row["state"] for row in rows] == ["ok", "failed", "ok"]
    assert [row["overrides"] for row in rows] == ["lambda=0", "lambda=0.5", "lambda=1"]
    assert rows[0]["toy.after.vote.accuracy"] == "0.5"
    assert rows[0]["toy.after.vote.ci95.low"] == "0.1"
    failed = table.parent / "1"
    assert json.loads((failed / "result.json").read_text())["state"] == "failed"
    assert "the kernel is on fire" in (failed / "traceback.txt").read_text()


def test_exit_within_a_job_does_not_end_the_sweep(experiments: Experiments) -> None:
    def leave(settings: Settings) -> Never:
        raise SystemExit(0)

    experiments.work = leave
    assert main(["-m", "seed=1,2"]) == 1
    assert len(experiments.seen) == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_sweep_and_the_table_says_so(
    number: int, code: int, experiments: Experiments, tmp_path: Path
) -> None:
    def work(settings: Settings) -> dict[str, Any]:
        if settings.seed == 2:
            os.kill(os.getpid(), number)
        return METRICS

    experiments.work = work
    before = signal.getsignal(number)
    assert main(["-m", "seed=1,2,3"]) == code
    assert signal.getsignal(number) == before
    [table] = tmp_path.glob("multirun/*/results.csv")
    states = [row["state"] for row in csv.DictReader(table.open())]
    assert states == ["ok", "interrupted", "not run"]


def test_a_sweep_into_a_used_folder_forgets_its_results(
    experiments: Experiments, tmp_path: Path
) -> None:
    for line in ("seed=1,2,3", "seed=4"):
        assert main(["-m", line, "hydra.sweep.dir=sweep with space"]) == 0
    rows = list(csv.DictReader((tmp_path / "sweep with space" / "results.csv").open()))
    assert [row["overrides"] for row in rows] == ["seed=4"]


def test_single_failure(experiments: Experiments, capsys: pytest.CaptureFixture[str]) -> None:
    def work(settings: Settings) -> Never:
        raise FileNotFoundError("svamp/train.jsonl")

    experiments.work = work
    assert main(["hydra.run.dir=here"]) == 1
    assert "FileNotFoundError: svamp/train.jsonl" in capsys.readouterr().err
    assert Path("here/traceback.txt").is_file()


def test_run_takes_settings_from_an_earlier_run(experiments: Experiments) -> None:
    assert main(["lambda=0.2", "seed=5", "store=kept", "hydra.run.dir=a run"]) == 0
    _, folder, config = experiments.seen.pop()
    (folder / "run.json").write_text(json.dumps({"settings": config}))
    told = (folder / ".hydra" / "overrides.yaml").read_text()
    assert main([f"run={folder}", "stages=[score,report]"]) == 0
    settings, again, _ = experiments.seen.pop()
    assert again == folder
    assert (settings.lam, settings.seed, settings.store) == (0.2, 5, "kept")
    assert settings.stages == ("score", "report")
    assert (folder / ".hydra" / "overrides.yaml").read_text() == told


def test_store_comes_from_the_environment(
    experiments: Experiments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MDEXP_STORE", "elsewhere")
    assert main([]) == 0
    assert experiments.seen[0][0].store == "elsewhere"


def test_own_options_of_a_folder(experiments: Experiments, tmp_path: Path) -> None:
    own = tmp_path / "own" / "experiment"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("# @package _global_\nlambda: 0.125\n")
    assert main(["--config-dir", str(own.parent), "experiment=mine"]) == 0
    assert experiments.lambdas == [0.125]
