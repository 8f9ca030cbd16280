"""A search by optuna that was cut short: what is done is told to a new study, the rest is run."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mdexp.commands.run import main
from mdexp.config.settings import Settings
from mdexp.records import VALIDATION
from tests.config.conftest import METRICS, Experiments

SEARCH = ["-m", "sweep=optuna", "num_paths=1,2", "seed=3", "hydra.sweeper.n_trials=6"]
PLACE = "hydra.sweep.dir=s"


@pytest.fixture
def optuna() -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")


def measured(accuracy: float) -> dict[str, Any]:
    ways = {way: row | {"accuracy": accuracy} for way, row in METRICS["toy"]["after"].items()}
    return METRICS | {f"toy{VALIDATION}": {"after": ways}}


def work(*said: float | type[BaseException]) -> Callable[[Settings], dict[str, Any]]:
    """Job by job: the accuracy that it measures, or what ends it."""
    left = iter(said)

    def job(settings: Settings) -> dict[str, Any]:
        value = next(left)
        if isinstance(value, float):
            return measured(value)
        raise value("no luck")

    return job


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "results.csv").open()))


def points(experiments: Experiments) -> list[tuple[float | None, int]]:
    return [(settings.lam, settings.num_paths) for settings, _, _ in experiments.seen]


@pytest.mark.usefixtures("optuna")
def test_a_search_goes_on_where_it_stopped(experiments: Experiments, tmp_path: Path) -> None:
    experiments.work = work(0.9, 0.1, RuntimeError, 0.2, KeyboardInterrupt)
    assert main([*SEARCH, PLACE]) == 130
    begun = points(experiments)
    states = ["ok", "ok", "failed", "ok", "interrupted"]
    assert [row["state"] for row in rows(tmp_path / "s")] == states
    kept = {job: (tmp_path / "s" / job / "result.json").read_bytes() for job in "013"}

    experiments.seen.clear()
    experiments.work = work(0.3, 0.4, 0.5)
    assert main(["resume=s"]) == 0
    again = points(experiments)
    assert again[:2] == [begun[2], begun[4]], "what failed, at the same point"
    assert len(again) == 3 and again[2] not in begun
    assert [folder.name for _, folder, _ in experiments.seen] == ["2", "4", "5"]
    assert [row["state"] for row in rows(tmp_path / "s")] == ["ok"] * 6
    assert kept == {job: (tmp_path / "s" / job / "result.json").read_bytes() for job in kept}
    found = yaml.safe_load((tmp_path / "s" / "optimization_results.yaml").read_text())
    assert found["best_value"] == 0.9, "the study knows the trials before"
    assert found["best_params"] == {"lambda": begun[0][0], "num_paths": begun[0][1]}

    experiments.seen.clear()
    assert main(["resume=s"]) == 0
    assert not experiments.seen, "nothing is left"


@pytest.mark.usefixtures("optuna")
def test_a_job_whose_folder_is_gone_leaves_a_trial_that_is_free(
    experiments: Experiments, tmp_path: Path
) -> None:
    experiments.work = work(0.1, 0.2, 0.3, KeyboardInterrupt)
    assert main([*SEARCH, PLACE]) == 130
    (tmp_path / "s" / "1" / "result.json").unlink()
    experiments.seen.clear()
    experiments.work = work(0.4, 0.5, 0.6, 0.7)
    assert main(["resume=s"]) == 0
    assert [folder.name for _, folder, _ in experiments.seen] == ["1", "3", "4", "5"]
    assert [row["state"] for row in rows(tmp_path / "s")] == ["ok"] * 6


@pytest.mark.usefixtures("optuna")
@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            "hydra.sweeper.storage=sqlite:///study.db",
            "the study is kept in hydra.sweeper.storage=sqlite:///study.db; give the command again",
        ),
        ("hydra/sweeper/sampler=grid", "a sweep without optuna can be resumed: -m lambda=0,0.5,1"),
    ],
)
def test_what_optuna_cannot_go_on_with(
    told: str, message: str, experiments: Experiments, capsys: pytest.CaptureFixture[str]
) -> None:
    experiments.work = lambda settings: measured(0.5)
    searched = [word for word in SEARCH if not word.startswith("sweep=")]
    main([*searched, "hydra/sweeper=optuna", "hydra.sweeper.direction=maximize", told, PLACE])
    capsys.readouterr()
    experiments.seen.clear()
    assert main(["resume=s"]) == 2
    assert message in capsys.readouterr().err
    assert not experiments.seen


@pytest.mark.usefixtures("optuna")
def test_a_search_under_way_is_left_alone(
    experiments: Experiments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from filelock import FileLock

    experiments.work = work(0.1, KeyboardInterrupt)
    assert main([*SEARCH, PLACE]) == 130
    record = json.loads((tmp_path / "s/1/result.json").read_text())
    (tmp_path / "s/1/result.json").write_text(json.dumps(record | {"state": "running"}))
    experiments.seen.clear()
    with FileLock(tmp_path / "s/1/.running"):
        assert main(["resume=s"]) == 2
    assert "job 1 is still running, and a search needs its result" in capsys.readouterr().err
    assert not experiments.seen


def test_a_sweeper_that_finds_points_as_it_goes_and_is_not_optuna(
    experiments: Experiments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = {"arguments": ["-m"], "started_in": str(tmp_path), "points": [], "sweeper": "some.Ax"}
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "sweep.json").write_text(json.dumps(sweep))
    assert main(["resume=s"]) == 2
    assert "its sweeper (some.Ax) found the points as it went" in capsys.readouterr().err
    assert not experiments.seen
