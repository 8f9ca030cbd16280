"""The user's own conf folder, as `--config-dir` names it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp.commands import inspect, suit
from mdexp.commands.run import main
from mdexp.config.config_path import config_folder
from tests.e2e.conftest import SMALL

Command = Callable[..., int]


@pytest.fixture
def conf(tmp_path: Path, problems: Path) -> Path:
    """A folder with a dataset `mine`."""
    folder = tmp_path / "conf"
    (folder / "dataset").mkdir(parents=True)
    mine = f"defaults:\n  - jsonl\n  - _self_\nname: mine\npath: {problems}\n"
    (folder / "dataset" / "mine.yaml").write_text(mine)
    return folder


def test_inspect_and_suit_take_it(conf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = [*[word for word in SMALL if word != "dataset=jsonl"], "dataset=mine"]
    assert inspect.main(["--config-dir", str(conf), *words]) == 0
    assert "first step: " in capfd.readouterr().out
    assert suit.main(["--config-dir", str(conf), *words]) == 0
    assert "NLL/token" in capfd.readouterr().out


def test_a_file_that_would_never_be_read_is_refused(
    conf: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (conf / "dataset" / "svamp.yaml").write_text("path: here\n")
    assert main(["--config-dir", str(conf), "dataset=mine"]) == 2
    said = capfd.readouterr().err
    assert "svamp.yaml: mdexp already has dataset=svamp" in said and "rename this file" in said


def test_the_folder_of_a_checkout_may_be_named(capfd: pytest.CaptureFixture[str]) -> None:
    """As in docs/recipes.md, where a yaml is put into `conf` of a clone."""
    assert main(["--config-dir", str(config_folder()), "lamda=1"]) == 2
    assert capfd.readouterr().err.startswith("error: lamda: unknown key; did you mean lambda?")


def test_a_mistyped_key_is_named_beside_a_yaml_that_cannot_be_read(
    conf: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (conf / "dataset" / "broken.yaml").write_text("a: b: c\n")
    assert main(["--config-dir", str(conf), "dataset=mine", "dataset.pth=x"]) == 2
    said = capfd.readouterr().err
    assert "dataset.pth: unknown key; did you mean dataset.path" in said
    assert "Traceback" not in said
