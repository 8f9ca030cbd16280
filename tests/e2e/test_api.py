"""mdexp from Python: the examples of docs/api.md run, and functions say what commands say."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mdexp import api
from mdexp.config.composition import CommandError
from mdexp.config.settings import SettingsError
from mdexp.store.run_folder import RunFileError, RunFolderError
from tests.e2e.conftest import SMALL

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_examples_of_the_page_run(
    problems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pandas")
    shutil.copytree(problems, tmp_path / "my-problems")
    found = EXAMPLE.findall(PAGE.read_text())
    assert len(found) == 5
    names: dict[str, Any] = {}
    for text in found:
        exec(text, names)  # noqa: S102  # our own page
    assert (names["run"].settings["seed"], len(names["run"].problems)) == (0, 19)
    # Every pair of cot, pot and vote.
    assert len(names["table"]) == 9 and set(names["table"].n) == {4}
    shown = capsys.readouterr().out
    assert "accuracy" in shown and "thought" in shown and "p_holm" in shown


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    cells = json.loads((PAGE.parent / "notebook.ipynb").read_text())["cells"]
    assert not any(cell.get("outputs") for cell in cells), "outputs of a machine are not kept"
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102  # our own notebook
    assert len(names["right"]) == 4 and set(names["right"]) == {"cot", "pot"}
    assert len(names["failed"]) == 8, "a student with random weights solves nothing"


@pytest.fixture(scope="module")
def folder(kept_run: Callable[..., Path]) -> Path:
    return kept_run()


def test_run_gives_what_the_command_gives(folder: Path, problems: Path, tmp_path: Path) -> None:
    made = api.run([*SMALL, f"dataset.path={problems}"], folder=tmp_path / "made")
    for name in ("generations.jsonl", "votes.jsonl", "metrics.json"):
        assert (made.folder / name).read_bytes() == (folder / name).read_bytes()


def test_a_frame_has_a_row_for_each_line_and_keeps_whole_numbers(folder: Path) -> None:
    pytest.importorskip("pandas")
    run = api.load(folder)
    lines = (folder / "generations.jsonl").read_text().splitlines()
    assert len(run.generations) == len(lines)
    assert {"problem_id", "phase", "text", "answer", "correct"} <= set(run.generations)
    assert all(isinstance(answer, int) for answer in run.problems.answer)
    sets = run.metrics.set_index(["dataset", "phase", "way"])
    assert sets.loc[("jsonl", "after", "cot"), "n"] == 4


def test_without_pandas_the_error_is_the_command_that_gets_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(api.FramesMissing, match=r'pip install "mdexp\[frames\]"'):
        _ = api.load(folder).votes


def test_what_cannot_be_run_raises_what_the_command_prints(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="did you mean lambda"):
        api.run(["lamda=0.5"])
    with pytest.raises(CommandError, match=r"lambda=0,1: give one value"):
        api.run(["lambda=0,1"])
    with pytest.raises(SettingsError, match="lambda"):
        api.run(["lambda=2"])
    with pytest.raises(CommandError, match=r"only sandbox"):
        api.execute(["ans = 1"], overrides=["seed=1"])
    with pytest.raises(RunFolderError, match=r"no readable run\.json"):
        api.load(tmp_path)
    with pytest.raises(ValueError, match=r"questions\[1\] is blank"):
        api.ask(tmp_path, ["How many?", " "])
    with pytest.raises(TypeError, match=r"questions: got one text.*questions=\['How many\?'\]"):
        api.ask(tmp_path, "How many?")
    with pytest.raises(TypeError, match="programs: got one text"):
        api.execute("ans = 1")
    with pytest.raises(TypeError, match="overrides: got one text"):
        api.run("lambda=0.5")
    with pytest.raises(TypeError, match="give one run folder or several"):
        api.compare()
    assert not list(tmp_path.glob("outputs"))


def test_a_file_that_was_edited_is_refused(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with (copy / "votes.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(RunFileError, match="was edited"):
        _ = api.load(copy).votes
