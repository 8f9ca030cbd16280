"""A run that names its store by a relative path is found from any other working directory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp import api
from mdexp.commands.run import main
from mdexp.store.files import read_json
from tests.e2e.conftest import states


def test_a_relative_store_is_found_from_elsewhere(
    command: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = "stages=[prepare,extract,verify,examples,train,after,score]"
    assert command("store=kept", "trainer.max_steps=1", whole, "hydra.run.dir=run") == 0
    assert Path(read_json(Path("run/run.json"))["settings"]["store"]).is_absolute()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main([f"run={tmp_path}/run", "stages=[score,report]"]) == 0
    assert states(tmp_path / "run")["score"] == "skipped"
    [answer] = api.ask(tmp_path / "run", ["How many are 2 and 2?"])
    assert answer.paths, "its student is found, too"
    assert not (elsewhere / "kept").exists() and not (elsewhere / ".mdexp").exists()
