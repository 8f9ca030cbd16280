"""bench/gpu.sh, of which no machine here can run more than its commands' words."""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mdexp.commands.run_plan import judged_jobs

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "bench" / "gpu.sh"
MOST_S = 30 * 60


@pytest.fixture
def parts(tmp_path: Path) -> list[tuple[str, int, list[str]]]:
    """Name, limit in seconds and command of each part."""
    printed = subprocess.run(
        ["bash", str(SCRIPT), "weights", "out"],
        env=os.environ | {"DRY_RUN": "1", "PYTHON": sys.executable},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert not list(tmp_path.iterdir()), "a dry run writes nothing"
    rows = [line.split("\t") for line in printed.splitlines()]
    return [(name, int(limit), shlex.split(words)) for name, limit, words in rows]


def test_the_script_is_sound() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(SCRIPT)], check=True)


def test_it_takes_at_most_half_an_hour(parts: list[tuple[str, int, list[str]]]) -> None:
    assert {name for name, _, _ in parts} >= {"train-full", "train-qlora", "trl", "decode-vllm"}
    assert sum(limit for _, limit, _ in parts) <= MOST_S


def test_its_commands_are_ones_that_run(
    parts: list[tuple[str, int, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _, _, (program, dash, module, *words) in parts:
        assert (program, dash) == (sys.executable, "-m")
        if module == "bench.train":
            assert importlib.util.find_spec(module)
        elif not any(word.startswith("run=") for word in words):
            [settings] = judged_jobs(words)
            assert settings.student.path == "weights"  # type: ignore[attr-defined]
