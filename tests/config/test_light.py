"""Help and errors answer at once: nothing slow is imported for them."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

SLOW = ("torch", "transformers", "pytorch_lightning", "wandb", "openai", "numpy", "reasoning_gym")
PROBE = f"""
import sys
from mdexp.commands.run import main
code = main(sys.argv[1:])
print("loaded:", *(name for name in {SLOW!r} if name in sys.modules))
sys.exit(code)
"""


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={"PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--help", 0),
        ("--cfg=job", 0),
        ("lamda=0.3", 2),
        ("student=codelama", 2),
        ("lambda=nan", 2),
        ("-m lambda=0,2 teacher=openai teacher.model=m", 2),
    ],
)
def test_nothing_slow_is_loaded(line: str, code: int, tmp_path: Path) -> None:
    done = command("-c", PROBE, *line.split(), cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "loaded:"


def test_the_probe_can_fail(tmp_path: Path) -> None:
    done = command("-c", f"import numpy\n{PROBE}", "--help", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "loaded: numpy"


def test_help_takes_less_than_a_second(tmp_path: Path) -> None:
    """CPU time, since a test machine may be busy; the best of three."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = command("-m", "mdexp.run", "--help", cwd=tmp_path)
        seconds.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
        assert done.returncode == 0, done.stderr
        assert "student     codellama" in done.stdout
        assert "smollm2*" in done.stdout
    assert min(seconds) < 1.0


def test_the_command_exits_2_and_says_why(tmp_path: Path) -> None:
    done = command("-m", "mdexp.run", "studnt=codellama", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: studnt: unknown key; did you mean student?\n"
    assert "Traceback" not in done.stderr
