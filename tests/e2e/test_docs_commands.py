"""The mdexp commands in the code blocks of README and docs run as they are pasted.

They run in a folder with all that the text around them speaks of (pages_world.py), with settings
appended that make them small. Of the commands in ELSEWHERE only the configuration is built and
checked. Targets of make are looked up: test_wheel.py and CI run the demo's steps and the tests.
"""

import importlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mdexp.commands.console import COMMANDS
from mdexp.commands.run import main
from mdexp.commands.run_plan import judged_jobs
from mdexp.teacher import batch_collection
from mdexp.teacher.ledger import Ledger
from tests.e2e import pages_world
from tests.loopback import LoopbackServer

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


def words_of(line: str) -> tuple[str, ...]:
    """What the shell makes of a line, with mdexp in place of `python -m mdexp.run`."""
    words = shlex.split(line.replace("$DATA", "."), comments=True)
    if words[:2] != ["python", "-m"]:
        return tuple(words)
    program, command = words[2].split(".")
    return (program, *([command] if command != "run" else []), *words[3:])


LINES = {
    words_of(line): line
    for page in PAGES
    for line in pasted(page)
    if str(page.relative_to(ROOT)) not in (OWN_PARTS, SESSION)
}


FINISHED = "outputs/2026-11-22/10-00-00"
RUNS_OF_PAGES = (FINISHED, "RUN", "trained", "pot", "kpdd", "multirun/demo/0", "multirun/demo/1")
ELSEWHERE = {  # what these need is not here
    "student.repo=me/my-model": "the hub",
    "dataset=hf": "the hub",
    "hydra/launcher=submitit_slurm": "Slurm",
}


@pytest.fixture(scope="module")
def finished(kept_run: Callable[..., Path]) -> Path:
    run = kept_run("trainer.max_steps=1")
    with Ledger(run.parent / "store" / "ledger"):
        return run


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("world")
    return folder, pages_world.build(folder)


@pytest.fixture
def home(
    tmp_path: Path,
    finished: Path,
    world: tuple[Path, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder with the runs, the data and the own set that the pages name."""
    for name in world[0].iterdir():
        (tmp_path / name.name).symlink_to(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MDEXP_STORE", str(finished.parent / "store"))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(batch_collection, "POLL_S", 0.05)
    sets = tmp_path / "conf" / "dataset"
    sets.mkdir(parents=True)
    recipes = (ROOT / "docs" / "recipes.md").read_text()
    yaml = re.search(r'title="conf/dataset/sums.yaml"\n(.*?)```', recipes, re.DOTALL)
    assert yaml
    (sets / "sums.yaml").write_text(yaml[1])
    return tmp_path


@pytest.fixture
def server(world: tuple[Path, dict[str, Any]]) -> Iterator[LoopbackServer]:
    def answer(said: str | list[int], number: int) -> str:
        """As a teacher, or as a student, who is asked by token ids."""
        return pages_world.solution(world[1], said) if isinstance(said, str) else "Seven."

    with LoopbackServer(answer=answer) as running:
        running.latency_s, running.logprobs = 0, None
        yield running


def test_commands_are_found() -> None:
    assert len(LINES) > 60
    lines = set(LINES.values())
    for page in ("README.md", "docs/recipes.md", "docs/sweeps.md"):
        assert lines & set(pasted(ROOT / page))


def test_a_shell_leaves_every_word_as_it_is() -> None:
    """Some shells look for files by words with brackets that are not quoted."""
    for page in PAGES:
        for line in pasted(page):
            bare = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", line)
            assert not re.search(r"[\[\]{}()*?]", bare), line


@pytest.mark.parametrize("words", list(LINES), ids=[line[:60] for line in LINES.values()])
def test_a_command_runs(
    words: tuple[str, ...],
    home: Path,
    finished: Path,
    server: LoopbackServer,
    capfd: pytest.CaptureFixture[str],
) -> None:
    program, rest = words[0], list(words[1:])
    if program == "make":
        targets = (ROOT / "Makefile").read_text()
        names = [word for word in rest if "=" not in word]
        assert all(re.search(rf"^{name}:", targets, re.MULTILINE) for name in names)
    elif program == "python":
        assert (ROOT / rest[0]).is_file()
    elif program == "printf":
        piped = LINES[words].replace("python -m", f"{sys.executable} -m")
        done = subprocess.run(piped, shell=True, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
    elif missing := ELSEWHERE.keys() & words:
        if SUBMITIT or "hydra/launcher=submitit_slurm" not in missing:
            assert judged_jobs(rest)
    elif any("optuna" in word for word in rest) and not OPTUNA:
        pytest.skip("the extra sweep is not installed")
    else:
        named = {word.rpartition("=")[2] for word in rest}
        for name in RUNS_OF_PAGES:
            if name in named and f"hydra.run.dir={name}" not in rest:
                shutil.copytree(finished, home / name)
        command = rest.pop(0) if rest[:1] and rest[0] in COMMANDS else "run"
        _runs(command, rest, server.url, capfd)


def _runs(command: str, words: list[str], url: str, capfd: pytest.CaptureFixture[str]) -> None:
    if any(word.startswith("resume=") for word in words):
        folder = words[0].removeprefix("resume=")
        sweep = ["-m", "lambda=0,1", f"hydra.sweep.dir={folder}"]
        assert main([*sweep, *pages_world.added(sweep, url)]) == 0
    elif command in RUNS and "--help" not in words and words[:1] != [f"run={FINISHED}"]:
        words = [*words, *pages_world.added(words, url)]
    code = importlib.import_module(f"mdexp.commands.{command}").main(words)
    error = capfd.readouterr().err
    if "teacher=student" in words:  # which has learned nothing
        assert code == 2 and "verify kept 0 of" in error
    else:
        assert code == 0, error
