"""Questions typed at a prompt: the command has a terminal of its own."""

import fcntl
import os
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120
AGAIN_S = 20.0  # one that comes while the command ends would kill it
LONG = "Ann has 3 pens. " * 300 + "How many?"  # a terminal alone passes on 4095 characters


class Terminal:
    """A command on a terminal, and all that it showed."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int) -> None:
        self.process, self.master, self.shown = process, master, ""

    def type(self, text: str) -> None:
        """A few keys at a time, since what they show has to be read meanwhile."""
        for start in range(0, len(text), 256):
            os.write(self.master, text[start : start + 256].encode())
            self._read(0.01)

    def until(self, text: str) -> None:
        """Wait for what is shown next to hold a text, and take that as seen."""
        end = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            if (not self._read(1.0) and time.monotonic() > end) or self.process.poll() is not None:
                pytest.fail(f"no {text!r} in {self.shown[-1000:]!r}")
        self.shown = self.shown.partition(text)[2]

    def exit_code(self, again: str = "") -> int:
        """Wait for the command's end, and type a key every few seconds until then."""
        typed = float("-inf")
        while self.process.poll() is None:
            if again and time.monotonic() - typed > AGAIN_S:
                os.write(self.master, again.encode())
                typed = time.monotonic()
            self._read(0.1)
        return self.process.returncode

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], seconds)
        try:
            new = os.read(self.master, 2**16) if ready else b""
        except OSError:  # the command has closed it
            time.sleep(seconds)
            return False
        self.shown += new.decode(errors="replace").replace("\r\n", "\n")
        return bool(new)


@contextmanager
def solving(run: Path) -> Iterator[Terminal]:
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mdexp.solve", str(run)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "dumb", "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that ^C is a signal
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.fixture(scope="module")
def run(kept_run):
    return kept_run()


def test_a_long_question_is_answered_whole_and_ctrl_d_ends(run):
    with solving(run) as terminal:
        terminal.until("question> ")
        terminal.type(f"{LONG}\n")
        terminal.until(f"question: {LONG}\n")
        terminal.until("why: ")
        terminal.until("question> ")
        terminal.type("\x04")
        assert terminal.exit_code() == 0


def test_ctrl_c_at_the_prompt_is_an_exit_code(run):
    with solving(run) as terminal:
        terminal.until("question> ")
        # Again after a while, as people do: Python misses one that comes while it reads a key.
        assert terminal.exit_code(again="\x03") == 130
        assert "Traceback" not in terminal.shown


def test_a_question_that_a_terminal_cut_is_refused(run):
    """Where the answers go elsewhere, nothing but the terminal itself edits the line."""
    probe = f"import sys; from mdexp.commands.solve import main; sys.exit(main([{str(run)!r}]))"
    master, slave = os.openpty()
    os.write(master, b"x" * 4095 + b"\n")
    done = subprocess.run(
        [sys.executable, "-c", probe],
        stdin=slave,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        timeout=PATIENCE_S,
    )
    os.close(master)
    os.close(slave)
    assert done.returncode == 2
    assert "error: the terminal cut the question at 4095 bytes: pipe it in" in done.stderr
    assert done.stdout == ""
