"""The session in the documentation, command by command: it prints what the page says."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "session.md").read_text()
FILE = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands() -> list[tuple[str, str]]:
    """(command, what it prints), in the page's order."""
    [session] = CONSOLE.findall(PAGE)
    session = session.replace("\\\n> ", "")  # a command on several lines
    parts = re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]
    return [(part.split("\n", 1)[0], part.split("\n", 1)[1]) for part in parts]


@pytest.mark.timeout(900)
def test_the_session_prints_what_the_page_says(tmp_path: Path) -> None:
    for name, text in FILE.findall(PAGE):
        (tmp_path / name).write_text(text)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in (("mdexp", "-m mdexp"), ("python", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (tools / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("MDEXP_STORE", None)
    same = doctest.OutputChecker().check_output
    assert len(commands()) == 5
    for command, expected in commands():
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        shown = done.stderr if expected.startswith("error:") else done.stdout
        assert same(expected, shown, doctest.ELLIPSIS), f"$ {command}\n{shown}\n{done.stderr}"
