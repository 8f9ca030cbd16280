"""CSV always; W&B online with a key, offline without one."""

import csv
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mdexp.commands.run import main
from mdexp.ports import RunIdentity
from mdexp.sweeps.job_name import run_name
from mdexp.tracking.tables import COLUMNS, markdown
from mdexp.tracking.tensorboard_logger import LoggerUnavailable
from mdexp.tracking.tracker import Tracker
from mdexp.tracking.wandb_logger import (
    FINISH_TIMEOUT_S,
    INIT_TIMEOUT_S,
    WandbLogger,
    run_id,
    stop_helper,
)
from tests.config.conftest import METRICS, Experiments
from tests.sandbox.processes import descendants
from tests.wandb_server import WandbServer


@pytest.fixture(autouse=True)
def no_account(
    experiments: Experiments, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """`experiments` is named to come first: it turns W&B off."""
    for name in (
        *("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "NETRC"),
        *("WANDB_PROJECT", "WANDB_NAME"),
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    yield
    stop_helper()  # it would know the ids of the runs before


HISTORY = [{"step": 0, "loss": 2.0}, {"step": 1, "loss": 1.0, "nll_cot": 0.5}]
PAGE = "<h1>Report</h1>" + "<p>A page of its own.</p>" * 1000
AUTO = WandbLogger(mode="auto", project=None, entity=None)


def test_auto_is_offline_without_a_key() -> None:
    assert AUTO.resolved_mode() == "offline"


def test_auto_is_online_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert AUTO.resolved_mode() == "online"


def test_online_is_offline_without_a_key_and_obeys_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    online = AUTO.model_copy(update={"mode": "online"})
    assert online.resolved_mode() == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert online.resolved_mode() == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert online.resolved_mode() == "disabled"


def test_auto_finds_a_key_in_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import wandb

    host = wandb.setup().settings.base_url.split("//")[1].split("/")[0]
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {host} login user password {'k' * 40}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert AUTO.resolved_mode() == "online"


def test_wandb_mode_of_the_environment_wins_over_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert AUTO.resolved_mode() == "disabled"
    assert AUTO.model_copy(update={"mode": "offline"}).resolved_mode() == "offline"


TEXTS, CURVES = "generations/text_summary", "curves/text_summary"  # as TensorBoard names them


def tracked(experiments: Experiments, tmp_path: Path, logger: str) -> Path:
    assert main([f"logger={logger}"]) == 0
    settings, _, config = experiments.seen[0]
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "report.md").write_text("# Report")
    (folder / "report.html").write_text(PAGE)
    row = dict.fromkeys(COLUMNS, "x") | {"answer": 7, "text": "The answer is 7.", "sample": 0}
    (folder / "generations.jsonl").write_text(json.dumps(row) + "\n")
    run = RunIdentity(folder=folder, config=config, group="a-sweep")
    tracker = Tracker(settings.logger, run)
    tracker.log_history(HISTORY)
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


def records(run: Path) -> list[dict[str, Any]]:
    """What an offline run holds, as W&B's own reader tells it."""
    told = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", str(run), "--json"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [json.loads(line) for line in told.splitlines()]


def test_offline_run_holds_history_config_group_and_summary(
    experiments: Experiments, tmp_path: Path
) -> None:
    folder = tracked(experiments, tmp_path, "auto")
    assert (folder / "history.csv").is_file()
    [run] = folder.glob("wandb/offline-run-*")
    held = records(run)
    text = json.dumps(held)
    assert "a-sweep" in text
    assert "toy/after/vote/accuracy" in text and "toy.after" not in text
    assert "lambda_thought" in text
    assert "${" not in text, "the configuration is resolved"
    logged = [record["history"]["item"] for record in held if record["type"] == "history"]
    steps = [
        (row["trainer/global_step"], row["train/loss"]) for row in logged if "train/loss" in row
    ]
    assert steps == [(0, 2.0), (1, 1.0)], "the first step, too, under grouped names"
    [table] = run.glob("files/media/table/generations_*.table.json")
    made = json.loads(table.read_text())
    assert made["columns"] == list(COLUMNS)
    assert made["data"][0][COLUMNS.index("answer")] == "7"
    assert run_id(experiments.seen[0][2], "a-sweep") in run.name


def test_a_run_has_one_id_wherever_its_store_lies_and_another_for_another_lambda() -> None:
    config = {"lambda": 0.5, "store": "here", "stages": ["train"], "run": None, "logger": {}}
    again = config | {"store": "there", "stages": ["score"], "run": "outputs/1"}
    assert run_id(config, "s") == run_id(again, "s")
    assert run_id(config, "s") != run_id(config | {"lambda": 0.6}, "s")
    assert run_id(config, "s") != run_id(config, None)


def test_tensorboard(experiments: Experiments, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = tracked(experiments, tmp_path, "tensorboard")
    assert not (folder / "wandb").exists()
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(0, 2.0), (1, 1.0)]
    assert [e.value for e in events.Scalars("toy/after/vote/accuracy")] == [0.5]
    assert "lambda: 0.5" in (folder / "tensorboard" / "hparams.yaml").read_text()
    [table] = [e.tensor_proto.string_val[0].decode() for e in events.Tensors(TEXTS)]
    heading, _, row = table.splitlines()
    assert heading == f"| {' | '.join(COLUMNS)} |" and "| `The answer is 7.` | `7` |" in row


def test_a_sweep_leaves_its_accuracies_in_tensorboard(
    experiments: Experiments, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert main(["-m", "lambda=0,0.5,1", "logger=tensorboard", "hydra.sweep.dir=sweep"]) == 0
    events = EventAccumulator(str(tmp_path / "sweep" / "tensorboard"))
    events.Reload()
    [table] = [e.tensor_proto.string_val[0].decode() for e in events.Tensors(CURVES)]
    assert table.count("| `lambda` |") == 9, "three values, three ways to answer"
    assert "| `toy` | `lambda` | `0.5` | `tie-break` | `0.5` |" in table


def test_texts_in_a_markdown_table_are_no_markup() -> None:
    shown = markdown(["text", "n"], [["a | b\r`c`", 12345678.5], [None, 2]])
    assert shown.split("\n")[2:] == ["| `a \N{BROKEN BAR} b ⏎ 'c'` | `12345678.5` |", "|  | `2` |"]


def test_a_run_is_called_by_the_overrides_that_its_sweep_does_not_share(
    experiments: Experiments, tmp_path: Path
) -> None:
    assert main(["seed=3", "logger.mode=offline", "hydra.run.dir=one"]) == 0
    assert run_name(tmp_path / "one") == "seed=3"
    assert main(["-m", "lambda=0,1", "seed=3", "hydra.sweep.dir=sweep"]) == 0
    assert [run_name(tmp_path / "sweep" / job) for job in "01"] == ["lambda=0", "lambda=1"]
    assert run_name(tmp_path) == ""


def test_without_tensorboard_the_error_is_the_command_that_gets_it(
    experiments: Experiments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(LoggerUnavailable, match=r'pip install "mdexp\[tensorboard\]"'):
        tracked(experiments, tmp_path, "tensorboard")


def test_a_sweep_leaves_its_curve_in_wandb(
    experiments: Experiments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert main(["-m", "lambda=0,0.5,1", "hydra.sweep.dir=sweep"]) == 0
    [run] = tmp_path.glob("sweep/wandb/offline-run-*")
    [table] = run.glob("files/media/table/curves_*.table.json")
    rows = json.loads(table.read_text())["data"]
    assert [row[:5] for row in rows[:3]] == [["toy", "lambda", x, "cot", 0.5] for x in (0, 0.5, 1)]
    assert "curve/toy/lambda" in json.dumps(records(run))


def test_all_waits_for_a_server_end_within_a_minute() -> None:
    gives_up = 10  # seconds that wandb needs beyond its limit
    assert INIT_TIMEOUT_S + gives_up + FINISH_TIMEOUT_S < 60


def test_an_unknown_wandb_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "dryrun")
    assert AUTO.resolved_mode() == "offline"
    monkeypatch.setenv("WANDB_MODE", "off")
    with pytest.raises(ValueError, match="WANDB_MODE=off: may be online, offline, disabled"):
        AUTO.resolved_mode()


@pytest.mark.parametrize(
    ("group", "own", "name"),
    [(None, "", "a-name"), ("a-sweep", "", "a-name/job"), ("a-sweep", "seed=1", "a-name/seed=1")],
)
def test_project_and_name_of_the_environment_are_taken(
    group: str | None, own: str, name: str, online: WandbServer, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "a-project")
    monkeypatch.setenv("WANDB_NAME", "a-name")
    (tmp_path / "job").mkdir()
    run = AUTO.start(RunIdentity(folder=tmp_path / "job", config={}, group=group, name=own))
    assert run is not None
    run.finish(None)
    begun = online.all_told("UpsertBucket")[0]
    assert (begun["project"], begun["displayName"]) == ("a-project", name)


def test_without_a_name_of_the_environment_the_overrides_are_the_name(
    online: WandbServer, tmp_path: Path
) -> None:
    run = AUTO.start(RunIdentity(folder=tmp_path, config={}, group="s", name="lambda=0.5"))
    assert run is not None
    run.finish(None)
    assert online.all_told("UpsertBucket")[0]["displayName"] == "lambda=0.5"


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbServer]:
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
        yield server


def test_an_online_run_sends_all_of_it(
    online: WandbServer, experiments: Experiments, tmp_path: Path
) -> None:
    tracked(experiments, tmp_path, "wandb")
    begun = [told for told in online.all_told("UpsertBucket") if told.get("groupName")]
    assert begun[0]["groupName"] == "a-sweep"
    assert begun[0]["name"] == run_id(experiments.seen[0][2], "a-sweep")
    assert [row["train/loss"] for row in online.history if "train/loss" in row] == [2.0, 1.0]
    assert any("generations" in row for row in online.history)
    made = [
        (told.get("input") or told)["artifactTypeName"]
        for told in online.all_told("CreateArtifact")
    ]
    assert sorted(made) == ["report", "run_table"]
    assert online.uploads["report.html"] == PAGE.encode()
    assert online.uploads["report.md"] == b"# Report"
    committed = {told["artifactID"] for told in online.all_told("CommitArtifact")}
    assert committed, "an artifact that is not committed is not shown"


def test_an_offline_run_is_synced_later(
    experiments: Experiments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tracked(experiments, tmp_path, "auto")
    [run] = folder.glob("wandb/offline-run-*")
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
        command = [sys.executable, "-m", "wandb", "sync", "--yes", str(run)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [row["train/loss"] for row in server.history if "train/loss" in row] == [2.0, 1.0]
    assert server.uploads["report.html"] == PAGE.encode(), "and what was its artifact offline"


@pytest.mark.timeout(50)  # wandb alone would wait for ever
@pytest.mark.parametrize("ends", [WandbServer.die, WandbServer.fall_silent])
def test_a_server_that_dies_does_not_hold_the_run(
    ends: Callable[[WandbServer], None],
    online: WandbServer,
    experiments: Experiments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mdexp.tracking.wandb_logger.FINISH_TIMEOUT_S", 3.0)
    assert main(["logger=wandb"]) == 0
    settings, _, config = experiments.seen[0]
    tracker = Tracker(settings.logger, RunIdentity(folder=tmp_path, config=config, group=None))
    ends(online)
    tracker.log_history(HISTORY)
    tracker.finish(METRICS)
    assert list(tmp_path.glob("wandb/run-*/run-*.wandb")), "kept, for wandb sync"


def program(pid: int) -> bytes:
    """What a process runs; nothing for one that has ended since."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except (FileNotFoundError, ProcessLookupError):
        return b""


def kill_helper() -> None:
    [helper] = [pid for pid in descendants() if b"wandb-core" in program(pid)]
    os.kill(helper, signal.SIGKILL)
    while descendants().get(helper, "Z") != "Z":
        time.sleep(0.01)


def test_a_helper_that_died_is_started_for_the_next_run(
    experiments: Experiments, tmp_path: Path
) -> None:
    begun = [tmp_path / "first", tmp_path / "second"]
    for folder in begun:
        folder.mkdir()
        tracker = Tracker(AUTO, RunIdentity(folder=folder, config={}, group=None))
        tracker.log_history(HISTORY)
        tracker.finish(METRICS)
        kill_helper()
    assert all(list(folder.glob("wandb/offline-run-*/run-*.wandb")) for folder in begun)


def test_a_helper_that_dies_ends_no_run(
    experiments: Experiments, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = Tracker(AUTO, RunIdentity(folder=tmp_path, config={}, group=None))
    kill_helper()
    with caplog.at_level(logging.WARNING, logger="mdexp"):
        tracker.log_history(HISTORY)
        tracker.finish(METRICS)
    said = [record.getMessage() for record in caplog.records if "gets no more" in record.msg]
    # Steps that were handed over before the death was noticed raise nothing.
    assert {text.split()[0] for text in said} == {"WandbLogger"} and len(said) in (1, 2)
    history = list(csv.DictReader((tmp_path / "history.csv").open()))
    assert [row["loss"] for row in history] == ["2.0", "1.0"]


@pytest.mark.timeout(50)
def test_a_server_that_never_answers_makes_the_run_offline(
    online: WandbServer,
    experiments: Experiments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mdexp.tracking.wandb_logger.INIT_TIMEOUT_S", 1.0)
    online.fall_silent()
    folder = tracked(experiments, tmp_path, "wandb")
    assert list(folder.glob("wandb/offline-run-*"))


def test_a_server_that_is_not_there_makes_the_run_offline(
    experiments: Experiments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned: list[str] = []
    warn = lambda text, *told: warned.append(text % told)  # noqa: E731
    monkeypatch.setattr("mdexp.tracking.wandb_logger.log.warning", warn)
    monkeypatch.setattr("mdexp.tracking.wandb_logger.INIT_TIMEOUT_S", 4.0)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    folder = tracked(experiments, tmp_path, "wandb")
    assert "W&B does not answer" in warned[0] and "connection refused" in warned[0]
    assert list(folder.glob("wandb/offline-run-*"))
