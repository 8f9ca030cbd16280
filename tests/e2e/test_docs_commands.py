"""Every command of README and docs is one that runs as it is pasted.

Runs are composed and judged, in a folder that has what the text around them speaks of. Other
commands are run there, with a tiny student's finished runs under the names of the pages; so are the
programs that are piped in.
"""

import importlib
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mdexp.commands.console import COMMANDS
from mdexp.commands.run_plan import judged_jobs
from mdexp.teacher.ledger import Ledger

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OWN_PARTS = "docs/parts.md"  # its commands are run by test_own_parts.py
SESSION = "docs/session.md"  # by test_docs_session.py
BLOCK = re.compile(r"^```\w*\n(.*?)^```|^((?: {4}[^\n]*\n|\n)+)", re.DOTALL | re.MULTILINE)
RUNS = ("run", "plan", "inspect", "suit")  # commands that take the words of a run
SUBMITIT = importlib.util.find_spec("hydra_plugins.hydra_submitit_launcher")
OPTUNA = importlib.util.find_spec("hydra_plugins.hydra_optuna_sweeper")


def pasted(page: Path) -> list[str]:
    """The lines of a page's code that begin with a command of a shell."""
    found = []
    for match in BLOCK.finditer(page.read_text()):
        text = re.sub(r"\\\n\s*", "", match[1] or match[2])
        found += [line.strip().removeprefix("$ ") for line in text.splitlines()]
    return [line for line in found if re.match(r"(mdexp|python|make|printf)\b", line)]


LINES = [
    (str(page.relative_to(ROOT)), line)
    for page in PAGES
    for line in pasted(page)
    if str(page.relative_to(ROOT)) not in (OWN_PARTS, SESSION)
]


FINISHED = "outputs/2026-11-22/10-00-00"
RUNS_OF_PAGES = (FINISHED, "RUN", "trained", "pot", "kpdd", "multirun/demo/0", "multirun/demo/1")


@pytest.fixture(scope="module")
def finished(kept_run: Callable[..., Path]) -> Path:
    run = kept_run("trainer.max_steps=1")
    with Ledger(run.parent / "store" / "ledger"):
        return run


@pytest.fixture
def home(tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the runs and the own set that the pages name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MDEXP_STORE", str(finished.parent / "store"))
    for name in RUNS_OF_PAGES:
        shutil.copytree(finished, tmp_path / name)
    sets = tmp_path / "conf" / "dataset"
    sets.mkdir(parents=True)
    recipes = (ROOT / "docs" / "recipes.md").read_text()
    yaml = re.search(r'title="conf/dataset/sums.yaml"\n(.*?)```', recipes, re.DOTALL)
    assert yaml
    (sets / "sums.yaml").write_text(yaml[1])
    return tmp_path


def words_of(line: str) -> list[str]:
    words = shlex.split(line.replace("$DATA", "."), comments=True)
    if words[:2] == ["python", "-m"]:
        words = [words[2].replace("mdexp.", "mdexp ").replace(".", "_"), *words[3:]]
        words = [*words[0].split(), *words[1:]]
    return words


def test_commands_are_found() -> None:
    assert len(LINES) > 40
    assert {page for page, _ in LINES} >= {"README.md", "docs/recipes.md", "docs/sweeps.md"}


@pytest.mark.parametrize(("page", "line"), LINES, ids=[line[:60] for _, line in LINES])
def test_a_command_is_one_that_runs(
    page: str, line: str, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = words_of(line)
    match words[0]:
        case "make":
            targets = (ROOT / "Makefile").read_text()
            names = [word for word in words[1:] if "=" not in word]
            assert all(re.search(rf"^{name}:", targets, re.MULTILINE) for name in names)
            return
        case "python":
            assert (ROOT / words[1]).is_file()
            return
        case "printf":
            shown = line.replace("python -m", f"{sys.executable} -m")
            done = subprocess.run(shown, shell=True, capture_output=True, text=True, cwd=ROOT)
            assert done.returncode == 0, done.stderr
            return
    name, rest = (
        (words[1], words[2:]) if words[1:2] and words[1] in COMMANDS else ("run", words[1:])
    )
    if {"--help", "--cfg", "--version"} & set(rest):
        assert importlib.import_module(f"mdexp.commands.{name}").main(rest) == 0
    elif name in RUNS:
        if any("resume=" in word for word in rest):
            return  # of a sweep that is there: test_sweep_killed.py
        if not SUBMITIT:
            rest = [word for word in rest if not re.match(r"hydra[./]launcher", word)]
        if not OPTUNA and any("optuna" in word for word in rest):
            pytest.skip("the extra sweep is not installed")
        if name == "plan":
            rest = [word for word in rest if not re.fullmatch(r"--\w+|\d+", word)]
        assert judged_jobs(rest)
    else:
        assert importlib.import_module(f"mdexp.commands.{name}").main(rest) == 0, (
            capfd.readouterr().err
        )
