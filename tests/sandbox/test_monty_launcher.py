"""A Monty worker behind a kernel filter."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_monty import Monty
from pydantic_monty._binary import find_monty_binary

from mdexp.sandbox.cpython import confinement
from mdexp.sandbox.monty_launcher import write_launcher

pytestmark = pytest.mark.skipif(bool(confinement()), reason=confinement())


def test_a_confined_monty_works(tmp_path: Path) -> None:
    launcher = write_launcher(tmp_path, Path(find_monty_binary()))
    pool = Monty(binary_path=launcher, max_processes=1, request_timeout=60)
    with pool, pool.checkout() as session:
        assert session.feed_run("sum(range(5))") == 10
        status = _status_of_child("monty")
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status
    assert "Uid:\t0\t" not in status


@pytest.mark.parametrize(
    "act",
    [
        "open({path!r}, 'w')",
        "os.mkdir({path!r})",
        "os.unlink('/nothing')",
        "socket.socket()",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "os.memfd_create('x')",
    ],
)
def test_a_launched_process_is_confined(tmp_path: Path, act: str) -> None:
    # In place of Monty: a Python that tries what Monty must not be able to do.
    launcher = write_launcher(tmp_path, Path(sys.executable).resolve())
    target = act.format(path=str(tmp_path / "new"))
    program = f"import os, socket\ntry:\n    {target}\nexcept PermissionError: print('refused')"
    command = [str(launcher), "-I", "-S", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "encodings" in ran.stderr:
        pytest.skip("nobody may not read the library of this Python")
    assert ran.stdout == "refused\n", ran.stderr


def _status_of_child(name: str) -> str:
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text(encoding="utf-8")
        except OSError:
            continue
        if f"Name:\t{name}" in text and f"PPid:\t{_own_pid()}\n" in text:
            return text
    raise AssertionError("no such child")


def _own_pid() -> int:
    return int(Path("/proc/self/stat").read_text(encoding="utf-8").split()[0])
