"""Every command of README and docs is one that runs as it is pasted.

Runs are composed and judged, in a folder that has what the text around them speaks of; other
commands have their words read; what programs are piped in are executed.
"""

import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp.commands.console import COMMANDS
from mdexp.commands.run_plan import judged_jobs
from mdexp.config.config_path import config_folder
from mdexp.store.files import write_json

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


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the run and the own set that the pages name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MDEXP_STORE", str(tmp_path / "store"))
    sets = tmp_path / "conf" / "dataset"
    sets.mkdir(parents=True)
    recipes = (ROOT / "docs" / "recipes.md").read_text()
    yaml = re.search(r'title="conf/dataset/sums.yaml"\n(.*?)```', recipes, re.DOTALL)
    assert yaml
    (sets / "sums.yaml").write_text(yaml[1])
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = OmegaConf.to_container(compose("config"), resolve=True)
    run = tmp_path / "outputs" / "2026-11-22" / "10-00-00"
    run.mkdir(parents=True)
    write_json(run / "run.json", {"settings": config, "stages": []})
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
        # Its run may not be there, which it says itself; words that it does not know are a usage.
        with suppress(SystemExit):
            importlib.import_module(f"mdexp.commands.{name}").main(rest)
        assert "usage:" not in capfd.readouterr().err
