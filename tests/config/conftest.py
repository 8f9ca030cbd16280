"""Commands run in an empty folder, with an experiment that trains nothing."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import mdexp
from mdexp.config.settings import Settings
from mdexp.ports import RunIdentity

Work = Callable[[Settings], dict[str, Any]]
Seen = list[tuple[Settings, Path, dict[str, Any]]]

METRICS = {
    "toy": {
        "after": {
            way: {
                "n": 4,
                "correct": 2,
                "accuracy": 0.5,
                "ci95": [0.1, 0.9],
                "ties": 0,
                "num_paths": 2 if way == "vote" else 1,
                "rule": "majority, ties to pot, cot" if way == "vote" else "greedy",
            }
            for way in ("cot", "pot", "vote")
        }
    }
}


class Experiments:
    """Stands for mdexp.experiment: notes what it is asked to run, and does `work`."""

    def __init__(self) -> None:
        self.seen: Seen = []
        self.work: Work = lambda settings: METRICS

    def run(self, settings: Settings, run: RunIdentity) -> dict[str, Any]:
        self.seen.append((settings, run.folder, dict(run.config)))
        return self.work(settings)

    @property
    def lambdas(self) -> list[float | None]:
        return [settings.lam for settings, _, _ in self.seen]


@pytest.fixture
def experiments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Experiments:
    stub, module = Experiments(), ModuleType("mdexp.experiment")
    module.run_experiment = stub.run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mdexp.experiment", module)
    monkeypatch.setattr(mdexp, "experiment", module, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MDEXP_STORE", raising=False)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return stub
