"""Programs in plain CPython, one a line of JSON: what the tiers are compared with.

Without any protection: for programs that a test made itself. What counts as the answer is written
here once more, on purpose.
"""

import contextlib
import io
import json
import math
import random
import re
import subprocess
import sys
import traceback
from types import TracebackType
from typing import Any, Self

FILE = "<program>"
NO_PLACE = re.compile(r" \((?:/.*|unknown location)\)\Z")  # where the host keeps a module


class PlainCPython:
    """A process that runs one program after the other, each in names of its own."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-I", __file__]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, text=True, **pipes)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def run(self, program: str) -> dict[str, Any]:
        """Its status, answer, error and stdout."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(program) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def result(program: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    random.seed(0)
    status, value, error = "ok", None, ""
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(program, FILE, "exec"), names)  # noqa: S102  a test's own program
            value = answer(names)
        except SyntaxError as fault:
            status, error = (
                "syntax_error",
                f"{type(fault).__name__}: {fault.msg} (line {fault.lineno})",
            )
        except Exception as fault:
            text = NO_PLACE.sub("", str(fault))
            frames = traceback.extract_tb(fault.__traceback__)
            line = [frame.lineno for frame in frames if frame.filename == FILE][-1]
            status, error = "runtime_error", f"{type(fault).__name__}: {text} (line {line})"
    if status == "ok":
        value = value if value is not None else last_line(printed.getvalue())
        status = "ok" if states_something(value) else "no_answer"
    value = value if status == "ok" else None
    return {"status": status, "answer": value, "error": error, "stdout": printed.getvalue()}


def answer(names: dict[str, Any]) -> Any:
    if names.get("ans") is not None:
        return names["ans"]
    for name in ("solution", "solver", "solve"):
        if callable(names.get(name)) and (value := names[name]()) is not None:
            return value
    return names["answer"] if names.get("answer") is not None else names.get("result")


def last_line(text: str) -> str | None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else None


def states_something(value: Any) -> bool:
    if isinstance(value, str):
        try:
            return math.isfinite(float(value))
        except ValueError:
            return bool(value.strip())
    return isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(result(json.loads(line))), flush=True)
