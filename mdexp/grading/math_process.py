"""Runs math-verify in a separate process: it parses models' texts, which sympy evaluates."""

import atexit
import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache

from mdexp.sandbox.confined.seccomp import unknown_here
from mdexp.sandbox.errors import SandboxError

CHILD = "mdexp.sandbox.confined.math_template"
MAX_CHARACTERS = 20_000  # of a text, counted from its end, where the answer is


@dataclass(frozen=True, slots=True)
class MathVerdict:
    """`form` is the normal form of the answer that a text gives, None if it gives none or was not
    read within the deadline; `right`, whether it equals gold."""

    form: str | None
    right: bool


def lacks() -> str:
    """Why math-verify cannot be used here; empty if it can."""
    if importlib.util.find_spec("math_verify") is None:
        return 'grader=math_verify needs the package: pip install "mdexp[math]"'
    return unknown_here()


@lru_cache(maxsize=1024)  # a grader reads the same text twice: to vote and to judge
def math_verdict(said: str, gold: str) -> MathVerdict:
    """The verdict of math-verify. SandboxError if its process does not run."""
    return _process().ask(said[-MAX_CHARACTERS:], gold)


class _Process:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent process
        )
        atexit.register(self._process.kill)
        self._reply()

    def ask(self, said: str, gold: str) -> MathVerdict:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps({"said": said, "gold": gold}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise SandboxError("the process of math-verify has ended") from error
        return self._reply()

    def _reply(self) -> MathVerdict:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SandboxError("the process of math-verify has ended")
        return MathVerdict(**json.loads(line))


@lru_cache(maxsize=1)
def _process() -> _Process:
    return _Process()
