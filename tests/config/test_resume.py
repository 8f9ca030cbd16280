"""A sweep that was cut short goes on where it stopped; what is done there is not done again."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mdexp.commands.run import main
from mdexp.config.settings import Settings
from tests.config.conftest import METRICS, Experiments

SWEEP = ["-m", "lambda=0,0.5,1", "seed=7", "hydra.sweep.dir=a sweep"]


def states(folder: Path) -> list[str]:
    return [row["state"] for row in csv.DictReader((folder / "results.csv").open())]


def work_but_at(*failing: float) -> Any:
    def work(settings: Settings) -> dict[str, Any]:
        if settings.lam in failing:
            raise RuntimeError(f"no luck at {settings.lam}")
        return METRICS

    return work


def test_only_what_failed_is_run_again(experiments: Experiments, tmp_path: Path) -> None:
    experiments.work = work_but_at(0.0, 1.0)
    assert main(SWEEP) == 1
    experiments.seen.clear()
    experiments.work = work_but_at()
    assert main(["resume=a sweep"]) == 0
    assert experiments.lambdas == [0, 1]
    folders = [folder.relative_to(tmp_path) for _, folder, _ in experiments.seen]
    assert folders == [Path("a sweep/0"), Path("a sweep/2")]
    assert states(tmp_path / "a sweep") == ["ok"] * 3
    rows = list(csv.DictReader((tmp_path / "a sweep" / "results.csv").open()))
    assert [row["overrides"] for row in rows] == ["lambda=0", "lambda=0.5", "lambda=1"]


def test_nothing_is_left_of_a_whole_sweep(experiments: Experiments) -> None:
    assert main(SWEEP) == 0
    experiments.seen.clear()
    assert main(["resume=a sweep"]) == 0
    assert not experiments.seen


def test_a_sweep_of_conf_resumes_by_its_points(experiments: Experiments, tmp_path: Path) -> None:
    experiments.work = work_but_at(0.25)
    assert main(["-m", "sweep=lambda", "hydra.sweep.dir=s"]) == 1
    experiments.seen.clear()
    experiments.work = work_but_at()
    assert main(["resume=s"]) == 0
    assert experiments.lambdas == [0.25]
    assert states(tmp_path / "s") == ["ok"] * 5


def test_a_killed_command_left_a_table_and_resumes(
    experiments: Experiments, tmp_path: Path
) -> None:
    """What SIGKILL leaves: a job that says it runs but holds no lock, and none behind it."""
    assert main(SWEEP) == 0
    folder = tmp_path / "a sweep"
    record = json.loads((folder / "1" / "result.json").read_text())
    (folder / "1" / "result.json").write_text(json.dumps(record | {"state": "running"}))
    (folder / "2" / "result.json").unlink()
    experiments.seen.clear()
    experiments.work = work_but_at(0.5)
    assert main(["resume=a sweep"]) == 1
    assert experiments.lambdas == [0.5, 1]
    assert states(folder) == ["ok", "failed", "ok"]


def test_the_table_is_kept_up_job_by_job(experiments: Experiments, tmp_path: Path) -> None:
    seen = []

    def work(settings: Settings) -> dict[str, Any]:
        if settings.lam != 0:
            seen.append(states(tmp_path / "a sweep"))
        return METRICS

    experiments.work = work
    assert main(SWEEP) == 0
    assert seen == [["ok", "not run", "not run"], ["ok", "ok", "not run"]]


def test_the_page_tells_states_reasons_and_curves(experiments: Experiments, tmp_path: Path) -> None:
    experiments.work = work_but_at(0.5)
    assert main(SWEEP) == 1
    page = (tmp_path / "a sweep" / "sweep.html").read_text()
    assert "2 of 3 jobs are done" in page
    assert "RuntimeError: no luck at 0.5" in page
    assert page.count("no luck at") == 3, "the error, and its line in the log, twice"
    assert "<h2>toy by λ</h2>" in page
    assert 'class="series-2"' in page, "a line each for cot, pot and the vote"
    assert "http" not in page, "one page that needs nothing beside it"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("resume=nowhere", "resume=nowhere: no sweep.json of a sweep is there"),
        ("resume=s lambda=0.3", "brings its settings; beside it hydra/launcher="),
    ],
)
def test_what_cannot_be_resumed(
    line: str, message: str, experiments: Experiments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    assert message in capsys.readouterr().err
    assert not experiments.seen


def test_paths_of_a_sweep_start_where_it_was_started(
    experiments: Experiments,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert main(SWEEP) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["resume=../a sweep"]) == 2
    assert f"start in {tmp_path}; resume it there" in capsys.readouterr().err


def test_what_is_left_is_judged_before_any_of_it_starts(
    experiments: Experiments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiments.work = work_but_at(0.0, 0.5)
    assert main(SWEEP) == 1
    plan = tmp_path / "a sweep" / "sweep.json"
    plan.write_text(plan.read_text().replace("lambda=0.5", "lambda=1.5"))
    experiments.seen.clear()
    assert main(["resume=a sweep"]) == 2
    assert "less than or equal to 1, got 1.5" in capsys.readouterr().err
    assert not experiments.seen
