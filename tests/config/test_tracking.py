"""CSV always; W&B online with a key, offline without one."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mdexp.app import main
from mdexp.settings import LoggerSettings
from mdexp.tracking import Tracker, wandb_mode
from tests.config.conftest import METRICS, Experiments


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")


AUTO = LoggerSettings(mode="auto", project="mdexp", entity=None)


def test_auto_is_offline_without_a_key() -> None:
    assert wandb_mode(AUTO) == "offline"


def test_auto_is_online_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert wandb_mode(AUTO) == "online"


def test_auto_finds_a_key_in_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import wandb

    host = wandb.setup().settings.base_url.split("//")[1].split("/")[0]
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {host} login user password {'k' * 40}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert wandb_mode(AUTO) == "online"


def test_wandb_mode_of_the_environment_wins_over_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode(AUTO) == "disabled"
    assert wandb_mode(AUTO.model_copy(update={"mode": "offline"})) == "offline"


def tracked(experiments: Experiments, tmp_path: Path, logger: str) -> Path:
    assert main([f"logger={logger}"]) == 0
    settings, _, config = experiments.seen[0]
    folder = tmp_path / "job"
    folder.mkdir()
    tracker = Tracker.start(settings, config, folder, group="a-sweep")
    tracker.log({"loss": 2.0}, step=1)
    tracker.log({"loss": 1.0, "nll_cot": 0.5}, step=2)
    tracker.finish(METRICS)
    return folder


def test_csv_alone(experiments: Experiments, tmp_path: Path) -> None:
    folder = tracked(experiments, tmp_path, "csv")
    assert not (folder / "wandb").exists()
    history = list(csv.DictReader((folder / "history.csv").open()))
    assert [row["loss"] for row in history] == ["2.0", "1.0"]
    assert [row["nll_cot"] for row in history] == ["", "0.5"]
    metrics = list(csv.DictReader((folder / "metrics.csv").open()))
    assert [row["way"] for row in metrics] == ["cot", "pot", "vote"]
    assert (metrics[0]["ci95.low"], metrics[0]["ci95.high"]) == ("0.1", "0.9")


def test_offline_run_holds_history_config_group_and_summary(
    experiments: Experiments, tmp_path: Path
) -> None:
    folder = tracked(experiments, tmp_path, "auto")
    assert (folder / "history.csv").is_file()
    [run] = folder.glob("wandb/offline-run-*")
    told = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", str(run), "--json"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    records = [json.loads(line) for line in told.splitlines()]
    text = json.dumps(records)
    assert "a-sweep" in text
    assert "toy.after.vote.accuracy" in text
    assert "lambda_thought" in text
    assert sum("train/loss" in json.dumps(record) for record in records) >= 2
