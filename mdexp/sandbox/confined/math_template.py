"""The process that math-verify runs in: it parses what a model wrote, and sympy evaluates that.

It loads the package once, then answers each line of standard input in a forked child that the
kernel filters (seccomp.py) and ends after `CPU_SECONDS`. Run as `python -m`, by math_process.py.
"""

import importlib
import json
import os
import resource
import signal
import sys
from typing import Any

from mdexp.sandbox.confined import preload, seccomp
from mdexp.sandbox.confined.unprivileged import become_nobody

CPU_SECONDS = 5
ADDRESS_BYTES = 2**32
UNREAD = {"form": None, "right": False}
# What latex2sympy and sympy load late has to be loaded before files are out of reach.
WARM_UP = (
    r"$\frac{1}{2}$",
    r"$\sqrt{8}+x^2$",
    r"$(1, 2)$",
    r"$\{1, 2\}$",
    r"$[0, 1)$",
    "0.5",
    "1/3",
    r"$x = 3$",
    r"\boxed{\pi}",
    r"$\begin{pmatrix}1 & 2\end{pmatrix}$",
    r"$10\%$",
    r"$x<3$",
)


def main() -> None:
    """Answer every line: `{"said", "gold"}` becomes `{"form", "right"}`."""
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    seccomp.end_with_parent(signal.SIGKILL)
    preload.preload_modules(numeric=True)
    for text in WARM_UP:
        _judged(text, text)
    become_nobody()
    seccomp.forbid_tracing()
    print(json.dumps(UNREAD), flush=True)  # ready
    for line in sys.stdin:
        print(_in_child(json.loads(line)), flush=True)


def _in_child(request: dict[str, str]) -> str:
    """The child's reply; UNREAD where the kernel ended it."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.close(read)
            _confine(write)
            os.write(write, json.dumps(_judged(request["said"], request["gold"])).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said.decode() or json.dumps(UNREAD)


def _confine(writable: int) -> None:
    seccomp.end_with_parent(signal.SIGKILL)
    for kind, limit in (
        (resource.RLIMIT_AS, ADDRESS_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    seccomp.install(seccomp.program_filter(writable))


def _judged(said: str, gold: str) -> dict[str, Any]:
    """The normal form of the answer in a text, and whether it equals gold."""
    from math_verify import parse, verify

    def parsed(text: str) -> Any:
        return parse(text, parsing_timeout=None, raise_on_error=False)

    found = parsed(said)
    if not found:
        return UNREAD
    truth = parsed(gold) if "$" in gold or "\\boxed" in gold else parsed(f"${gold}$")
    try:
        right = bool(verify(truth, found, timeout_seconds=None))
    except Exception:  # of whatever a text makes sympy do
        right = False
    return {"form": _form(found[0]), "right": right}


def _form(found: Any) -> str:
    """One text for equal values, where sympy finds that they are equal."""
    sympy: Any = importlib.import_module("sympy")
    try:
        return str(sympy.simplify(sympy.nsimplify(found, rational=True)))
    except Exception:  # a set, a relation, a text
        return str(found)


if __name__ == "__main__":
    main()
