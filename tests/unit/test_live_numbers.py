"""Loss, rate, NLL, speed and memory are in every logger while a training still runs."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mdexp.ports import RunIdentity
from mdexp.tracking.csv_logger import CsvLogger
from mdexp.tracking.feeds import LightningFeed
from mdexp.tracking.tensorboard_logger import TensorBoardLogger
from mdexp.tracking.tracker import LIVE, Tracker
from mdexp.tracking.wandb_logger import WandbLogger
from mdexp.training.module import MixedDistillation
from tests.tiny_run import tiny
from tests.unit.test_fit import Interrupted, interrupt_after, trained
from tests.wandb_server import WandbServer

LIVE_NAMES = {
    *("train/loss", "train/learning_rate", "train/nll_cot", "train/nll_pot"),
    *("train/tokens_per_s", "train/peak_memory_mib"),
}


def tracker(logger: Any, folder: Path) -> Tracker:
    return Tracker(logger, RunIdentity(folder=folder, config={}, group=None))


def looking(monkeypatch: pytest.MonkeyPatch, at_step: int, look: Callable[[], Any]) -> list[Any]:
    """What `look` sees before a step of a training that is under way."""
    seen: list[Any] = []
    step = MixedDistillation.training_step

    def watched(module: Any, *args: Any) -> None:
        if module.global_step == at_step:
            seen.append(look())
        step(module, *args)

    monkeypatch.setattr(MixedDistillation, "training_step", watched)
    return seen


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / LIVE / "metrics.csv").open()))


def test_csv_has_each_step_as_it_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = looking(monkeypatch, 2, lambda: rows(tmp_path))
    feeds = tracker(CsvLogger(), tmp_path).feeds()
    _, history, _ = trained(tiny("causal"), tmp_path, feeds=feeds)
    [live] = seen
    assert [int(row["step"]) for row in live] == [0, 1]
    assert set(live[0]) >= LIVE_NAMES
    for row, kept in zip(live, history, strict=False):
        assert float(row["train/loss"]) == kept["loss"]
        assert float(row["train/tokens_per_s"]) > 0 and float(row["train/peak_memory_mib"]) > 10


def test_tensorboard_has_each_step_as_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    feeds = tracker(TensorBoardLogger(), tmp_path).feeds()

    def scalars() -> list[tuple[int, float]]:
        feeds[1].logger.experiment.flush()  # which it does by itself every two minutes
        events = EventAccumulator(str(tmp_path / "tensorboard"))
        events.Reload()
        assert set(events.Tags()["scalars"]) >= LIVE_NAMES
        return [(event.step, event.value) for event in events.Scalars("train/loss")]

    seen = looking(monkeypatch, 2, scalars)
    _, history, _ = trained(tiny("causal"), tmp_path, feeds=feeds)
    assert seen == [
        [(0, pytest.approx(history[0]["loss"])), (1, pytest.approx(history[1]["loss"]))]
    ]


def test_wandb_gets_each_step_and_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        tracked = tracker(WandbLogger(mode="auto", project=None, entity=None), tmp_path)
        _, history, _ = trained(tiny("causal"), tmp_path, feeds=tracked.feeds())
        tracked.log_history(history)
        tracked.finish(None)
        logged = [row for row in server.history if "train/loss" in row]
        assert [row["train/loss"] for row in logged] == [row["loss"] for row in history]
        assert [row["trainer/global_step"] for row in logged] == [0, 1, 2]
        assert set(logged[0]) >= LIVE_NAMES


def test_a_training_that_goes_on_has_all_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"max_steps": 4, "checkpoint_steps": 1}
    with monkeypatch.context() as patched:
        interrupt_after(patched, 2)
        with pytest.raises(Interrupted):
            trained(tiny("causal"), tmp_path, **options)
    feeds = tracker(CsvLogger(), tmp_path).feeds()
    _, history, _ = trained(tiny("causal"), tmp_path, feeds=feeds, **options)
    live = rows(tmp_path)
    assert [float(row["train/loss"]) for row in live] == [row["loss"] for row in history]
    assert [row["train/tokens_per_s"] != "" for row in live] == [False, False, True, True]


def test_loggers_change_no_training(tmp_path: Path) -> None:
    student = tiny("causal", tuning="lora", lora_dropout=0.2)
    feeds = tracker(CsvLogger(), tmp_path).feeds()
    logged = trained(student, tmp_path / "a", feeds=feeds)[1]
    assert logged == trained(student, tmp_path / "b")[1]


def test_a_step_that_a_server_has_is_not_logged_again() -> None:
    class Noted:
        def __init__(self) -> None:
            self.steps: list[int] = []

        def log_metrics(self, values: dict[str, float], step: int) -> None:
            assert values == {"train/loss": 1.0, "validation/nll_cot": 2.0}
            self.steps.append(step)

    fresh, resumed = Noted(), Noted()
    feeds = LightningFeed(fresh), LightningFeed(resumed, last_step=1)
    for step in range(4):
        row = {"step": step, "loss": 1.0, "validation_nll_cot": 2.0}
        for feed in feeds:
            feed.log_row(row)
    assert (fresh.steps, resumed.steps) == ([0, 1, 2, 3], [2, 3])
